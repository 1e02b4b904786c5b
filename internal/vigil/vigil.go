// Package vigil turns samples of flows that should stay as they are into windows in
// which they did not: what `cniproof watch` reports of an upgrade. It is a pure
// function of what it is handed, in bounded memory: hours of right samples cost nothing.
//
// The rules. A denied flow that connects, the server's identity checked, is a leak:
// one connection is enough, since none comes by chance. An allowed flow that fails
// once has lost a probe, which is counted; failing twice in a row, with two fresh
// connections, is a disruption. A sample that is no evidence belongs to neither, and
// ends what it interrupts; a flow of which nothing can be told for a second or
// longer has a window of its own kind.
//
// It must not touch a cluster, nor know how samples are made.
package vigil

import (
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

// Kind is what a window is about.
type Kind string

// The kinds of windows.
const (
	// Leak: a denied flow connected.
	Leak Kind = "leak"
	// Disruption: an allowed flow was closed.
	Disruption Kind = "disruption"
	// Unclear: nothing could be told.
	Unclear Kind = "could-not-tell"
)

// Window is a stretch of time in which one flow was not as it should be, or could not
// be told.
type Window struct {
	Flow flow.Flow
	Kind Kind
	// Begin is when the first wrong sample began, End when the first right one did
	// after the last wrong one, or the first that is no evidence. The flow was right
	// until at most one interval before Begin.
	Begin, End time.Time
	// Last is when the last wrong sample began: the window ended between then and End.
	Last time.Time
	// Open is true where the watch ended first.
	Open    bool
	Samples int // wrong ones, or those that told nothing
	// Merged counts further windows that were put into this one, to bound memory.
	Merged  int
	Outcome flow.Outcome // of the last sample
	Detail  string
}

// Loss is one probe of an allowed flow that failed alone.
type Loss struct {
	Flow    flow.Flow
	At      time.Time
	Outcome flow.Outcome
}

// What may be kept.
const (
	mostWindows = 10_000
	mostLosses  = 1_000
	untold      = time.Second
	unseen      = 2 * time.Second
)

// Recorder takes samples in. Its methods may not be called at once.
type Recorder struct {
	flows    []flow.Flow
	expected []flow.Verdict
	tracks   []track
	gap      time.Duration // how long a flow may go without a sample before that is said
	untold   time.Duration // how long nothing must be known of a flow to be worth a window
	gaps     gaps

	begin   time.Time
	windows []Window
	last    map[int]int // by flow: where its last window is
	losses  []Loss
	counts  Counts
	lines   *Lines
}

// Counts sums samples up.
type Counts struct {
	Samples int `json:"samples"` // of flows that are judged
	Right   int `json:"right"`
	Leaks   int `json:"leaks"`
	Failed  int `json:"failed"`  // of allowed flows, single losses included
	Lost    int `json:"lost"`    // single losses
	Nothing int `json:"nothing"` // samples that tell nothing
}

// track is one flow as it was seen last.
type track struct {
	seen    time.Time // when the last sample began
	open    *Window
	pending *Window // a failure that may be a single loss
	// rising is true from the time its pod was replaced until it was right once: a
	// new pod's flows have to be opened first.
	rising bool
}

// NewRecorder expects one verdict of each flow, all the time. A flow without a sample
// for ten intervals, or unseen at least, was not watched meanwhile.
func NewRecorder(flows []flow.Flow, expected []flow.Verdict, interval time.Duration, begin time.Time, lines *Lines) *Recorder {
	return &Recorder{
		flows: flows, expected: expected, tracks: make([]track, len(flows)),
		gap: max(unseen, 10*interval), untold: untold, gaps: gaps{},
		begin: begin, last: map[int]int{}, lines: lines,
	}
}

// Sharpen has the recorder say of any stretch of this length that it could not be told, or
// that nothing was tried in it.
func (r *Recorder) Sharpen(limit time.Duration) { r.gap, r.untold = limit, limit }

// Add takes in one sample of a flow, by its index. Samples of one flow come in order.
func (r *Recorder) Add(i int, s flow.Sample) {
	if r.expected[i] != flow.Allow && r.expected[i] != flow.Deny {
		return
	}
	t := &r.tracks[i]
	r.missed(i, t, s.Begin)
	if !t.seen.IsZero() {
		r.gaps.add(s.Begin.Sub(t.seen))
	}
	t.seen = s.Begin
	r.counts.Samples++
	switch v := s.Verdict(); {
	case v == r.expected[i]:
		r.counts.Right++
		t.rising = false
		r.right(i, t, s.Begin)
	case v == flow.Unknown, t.rising && r.expected[i] == flow.Allow:
		r.counts.Nothing++
		r.nothing(i, t, s)
	case r.expected[i] == flow.Deny: // what came through has leaked, answered or not
		r.counts.Leaks++
		r.wrong(i, t, s, Leak)
		r.lines.mark(i, s.Begin, markLeak)
	default:
		r.counts.Failed++
		r.failed(i, t, s)
	}
}

// missed notes that a flow was not tried for long.
func (r *Recorder) missed(i int, t *track, now time.Time) {
	from := t.seen
	if from.IsZero() {
		from = r.begin
	}
	if now.Sub(from) < r.gap {
		return
	}
	r.settle(t)
	r.close(i, t, from)
	r.keep(i, Window{Flow: r.flows[i], Kind: Unclear, Begin: from, Last: from, End: now, Detail: "it was not tried"})
	r.lines.span(i, from, now, markUntold)
}

func (r *Recorder) right(i int, t *track, at time.Time) {
	r.settle(t)
	r.close(i, t, at)
	r.lines.mark(i, at, markRight)
}

// settle takes a failure that nothing followed for a single loss.
func (r *Recorder) settle(t *track) {
	if t.pending == nil {
		return
	}
	r.counts.Lost++
	if len(r.losses) < mostLosses {
		r.losses = append(r.losses, Loss{t.pending.Flow, t.pending.Begin, t.pending.Outcome})
	}
	t.pending = nil
}

// close ends the window that is open.
func (r *Recorder) close(i int, t *track, at time.Time) {
	if t.open == nil {
		return
	}
	w := *t.open
	t.open = nil
	w.End = at
	if w.Kind != Unclear || w.End.Sub(w.Begin) >= r.untold {
		r.keep(i, w)
	}
}

// keep stores a window; where there are too many it becomes part of the flow's last.
func (r *Recorder) keep(i int, w Window) {
	n, again := r.last[i]
	if len(r.windows) >= mostWindows && again && r.windows[n].Kind == w.Kind {
		r.windows[n].End, r.windows[n].Last, r.windows[n].Open = w.End, w.Last, w.Open
		r.windows[n].Samples += w.Samples
		r.windows[n].Merged++
		return
	}
	r.last[i] = len(r.windows)
	r.windows = append(r.windows, w)
}

func (r *Recorder) nothing(i int, t *track, s flow.Sample) {
	r.settle(t)
	r.wrong(i, t, s, Unclear)
	r.lines.mark(i, s.Begin, markNothing)
}

// wrong begins a window, or goes on with it.
func (r *Recorder) wrong(i int, t *track, s flow.Sample, k Kind) {
	if t.open != nil && t.open.Kind != k {
		r.close(i, t, s.Begin)
	}
	if t.open == nil {
		t.open = &Window{Flow: r.flows[i], Kind: k, Begin: s.Begin}
	}
	t.open.Samples++
	t.open.Last = s.Begin
	t.open.Outcome, t.open.Detail = s.Outcome, s.Detail
}

// failed is about an allowed flow that did not connect.
func (r *Recorder) failed(i int, t *track, s flow.Sample) {
	switch {
	case t.open != nil && t.open.Kind == Disruption:
		r.wrong(i, t, s, Disruption)
		r.lines.mark(i, s.Begin, markDisruption)
	case t.pending != nil:
		first := t.pending.Begin
		t.pending = nil
		r.wrong(i, t, s, Disruption)
		t.open.Begin, t.open.Samples = first, 2
		r.lines.mark(i, first, markDisruption)
		r.lines.mark(i, s.Begin, markDisruption)
	default:
		r.close(i, t, s.Begin)
		t.pending = &Window{Flow: r.flows[i], Begin: s.Begin, Outcome: s.Outcome}
		r.lines.mark(i, s.Begin, markLost)
	}
}

// Rise says that flows may be closed until they have been right once: a pod of theirs
// was replaced. A leak is one from the first instant.
func (r *Recorder) Rise(indices []int) {
	for _, i := range indices {
		r.settle(&r.tracks[i])
		r.tracks[i].rising = true
	}
}

// Windows are those that are open now and have begun, for whoever looks on.
func (r *Recorder) Windows() []Window {
	var list []Window
	for i := range r.tracks {
		if w := r.tracks[i].open; w != nil && w.Kind != Unclear {
			list = append(list, *w)
		}
	}
	return list
}

// Counts are the sums so far.
func (r *Recorder) Counts() Counts { return r.counts }
