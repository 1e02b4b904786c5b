package cli

import (
	"bytes"
	"testing"
	"time"

	"github.com/cniproof/cniproof/internal/runner"
)

// A screen that is ended while it looks must end after that look.
func TestWatchScreenEndsDuringALook(t *testing.T) {
	w := &watchScreen{app: &app{stderr: &bytes.Buffer{}}}
	looking, ending := make(chan struct{}), make(chan struct{})
	first := true
	w.begin(func(int) runner.Sight {
		if first {
			first = false
			close(looking)
			<-ending
		}
		return runner.Sight{}
	})
	<-looking
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.end()
	}()
	for stopped := false; !stopped; time.Sleep(time.Millisecond) {
		w.mu.Lock()
		stopped = w.stop == nil
		w.mu.Unlock()
	}
	close(ending)
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("the screen goes on after its end")
	}
}
