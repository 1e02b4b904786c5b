package kind

import (
	"errors"
	"os"
	"os/exec"
	"testing"
)

func TestAnOwnerIsAliveAsLongAsItsProcess(t *testing.T) {
	if alive, err := ownProcess().alive(); !alive || err != nil {
		t.Errorf("this process is alive: %v, %v", alive, err)
	}
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	other := here()
	other.pid = cmd.Process.Pid
	var err error
	if other.start, err = started(other.pid); err != nil {
		t.Fatal(err)
	}
	read, err := parseOwner(other.String())
	if err != nil || read != other {
		t.Fatalf("%+v is read as %+v, %v", other, read, err)
	}
	if alive, err := read.alive(); !alive || err != nil {
		t.Errorf("a child is alive: %v, %v", alive, err)
	}
	again := read
	again.start = "1"
	if alive, _ := again.alive(); alive {
		t.Error("another process under the same number counts as the owner")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if alive, err := read.alive(); alive || err != nil {
		t.Errorf("the child is dead: %v, %v", alive, err)
	}
}

func TestOwnersElsewhereAreLeftAlone(t *testing.T) {
	for name, change := range map[string]func(*owner){
		"another machine":   func(o *owner) { o.host = "elsewhere"; o.boot = "x" },
		"another container": func(o *owner) { o.space = "pid:[1]" },
	} {
		o := ownProcess()
		change(&o)
		if alive, err := o.alive(); alive || !errors.Is(err, errElsewhere) {
			t.Errorf("%s: %v, %v", name, alive, err)
		}
	}
	o := ownProcess()
	o.boot = "before"
	if alive, err := o.alive(); alive || err != nil {
		t.Errorf("before this machine was started again: %v, %v", alive, err)
	}
	if _, err := parseOwner("host/boot"); err == nil {
		t.Error("half an owner is read without an error")
	}
	if _, err := started(os.Getpid() << 20); err == nil {
		t.Error("a process that there cannot be has a beginning")
	}
}
