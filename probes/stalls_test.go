//go:build linux

package probes

import (
	"os"
	"syscall"
	"testing"
	"time"
)

func TestStallsAreToldForTheTimeThatIsAskedFor(t *testing.T) {
	s := newStalls()
	at := func(ms int) time.Time { return s.begun.Add(time.Duration(ms) * time.Millisecond) }
	for _, ms := range []int{10, 20, 120, 130, 180} { // due at 10, 20, 30, 130, 140
		s.woke(at(ms))
	}
	for _, c := range []struct {
		name        string
		now, within int
		want        int
	}{
		{"the last that ended", 185, 10, 40},
		{"the longest", 185, 100, 90},
		{"none ended in that time", 189, 5, 0},
		{"one that lasts", 250, 5, 60},
	} {
		want := time.Duration(c.want)*time.Millisecond + shortestBeat
		if got := s.longest(at(c.now), time.Duration(c.within)*time.Millisecond); got != want {
			t.Errorf("%s: %s, want %s", c.name, got, want)
		}
	}
}

// TestALongBeatCountsForItsTime: what fell into it is not told as what fell into a shorter one.
func TestALongBeatCountsForItsTime(t *testing.T) {
	s := newStalls()
	const long = 50 * time.Millisecond
	s.look(long)
	first := s.begun.Add(shortestBeat)
	s.woke(first)
	s.look(shortestBeat)
	second := first.Add(long)
	if got := s.longest(second, 0); got != long {
		t.Errorf("at the end of a long beat: %s, want %s", got, long)
	}
	s.woke(second)
	third := second.Add(shortestBeat)
	s.woke(third)
	if got := s.longest(third, 2*shortestBeat); got != long {
		t.Errorf("of a time with a long beat: %s, want %s", got, long)
	}
	if got := s.longest(third.Add(shortestBeat), shortestBeat); got != shortestBeat {
		t.Errorf("of a time with short beats: %s, want %s", got, shortestBeat)
	}
}

func TestStallsAreForgotten(t *testing.T) {
	s := newStalls()
	s.woke(s.begun.Add(time.Second))
	s.woke(s.begun.Add(2*time.Second + StallsKept))
	s.woke(s.begun.Add(2*time.Second + StallsKept + shortestBeat))
	if len(s.list) != 1 || s.list[0].took < StallsKept {
		t.Errorf("remembered: %v", s.list)
	}
}

// TestAnAgentTellsThatItWasHalted halts a real agent.
func TestAnAgentTellsThatItWasHalted(t *testing.T) {
	begun := time.Now()
	p := newSpace(t).start(t, "a")
	if _, err := p.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, signal := range []os.Signal{syscall.SIGSTOP, syscall.SIGCONT} {
		if err := p.cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond)
	}
	pong, err := p.PingPast(t.Context(), Ping{Within: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if pong.Stalled < 250*time.Millisecond {
		t.Errorf("halted for 300 ms, it tells of %s", pong.Stalled)
	}
	if most := time.Since(begun); pong.Age < 600*time.Millisecond || pong.Age > most {
		t.Errorf("it is %s old, and was started %s ago", pong.Age, most)
	}
}
