package runner

import (
	"fmt"
	"testing"
	"time"

	"github.com/cniproof/cniproof/internal/deploy"
	"github.com/cniproof/cniproof/internal/scenario"
)

// shaped makes scenarios that share a topology of so many pods.
func shaped(count, pods int) []*scenario.Scenario {
	var t scenario.Topology
	for n := range pods {
		t.Pods = append(t.Pods, scenario.Pod{Namespace: "x", Name: fmt.Sprintf("p%d", n), Node: 1})
	}
	list := make([]*scenario.Scenario, count)
	for i := range list {
		list[i] = &scenario.Scenario{Name: fmt.Sprintf("%d-%d", pods, i), Topology: t}
	}
	return list
}

// drain lets stages take scenarios in turn until none gets one, and counts how
// often one of them needed a new deployment. Stages that fall lose theirs each time.
func drain(q *queue, stages int, fall bool) (taken map[string]int, deployments int) {
	taken = map[string]int{}
	shapes := make([]string, stages)
	working := make([]bool, stages)
	for n := range working {
		working[n] = true
	}
	for left := stages; left > 0; {
		for n := range stages {
			if !working[n] {
				continue
			}
			s := q.take(n, shapes[n])
			if s == nil {
				working[n] = false
				left--
				continue
			}
			taken[s.Name]++
			if shape := deploy.Shape(s.Topology); shape != shapes[n] {
				shapes[n] = shape
				deployments++
			}
			if fall {
				shapes[n] = ""
			}
		}
	}
	return taken, deployments
}

func TestEveryScenarioIsTakenOnceWithFewDeployments(t *testing.T) {
	var list []*scenario.Scenario
	for pods, count := range map[int]int{2: 40, 3: 30, 4: 20, 5: 3, 6: 1, 7: 1} {
		list = append(list, shaped(count, pods)...)
	}
	for stages := 1; stages <= 20; stages++ {
		taken, deployments := drain(newQueue(shuffled(list, uint64(stages))), stages, false)
		for _, s := range list {
			if taken[s.Name] != 1 {
				t.Errorf("%d stages: %s was taken %d times", stages, s.Name, taken[s.Name])
			}
		}
		if most := 2*stages + 6; deployments > most {
			t.Errorf("%d stages: %d deployments, want at most %d", stages, deployments, most)
		}
	}
}

func TestAStageKeepsItsShape(t *testing.T) {
	q := newQueue(append(shaped(3, 2), shaped(9, 3)...))
	first := q.take(1, "")
	if got := deploy.Shape(first.Topology); got != deploy.Shape(shaped(1, 3)[0].Topology) {
		t.Error("the first stage did not take the shape with the most work")
	}
	for range 8 {
		if s := q.take(1, deploy.Shape(first.Topology)); deploy.Shape(s.Topology) != deploy.Shape(first.Topology) {
			t.Fatalf("a stage was given %s, of another shape", s.Name)
		}
	}
}

func TestWhatHoldsForLongIsTakenFirst(t *testing.T) {
	list := append(shaped(9, 2), shaped(2, 3)...)
	list[5].Steps = []scenario.Step{{Hold: 2 * time.Second}}
	list[10].Steps = []scenario.Step{{Hold: 20 * time.Second}}
	q := newQueue(list)
	if s := q.take(1, ""); s != list[10] {
		t.Errorf("the first is %s, though another holds its table for 20 s", s.Name)
	}
	if s := q.take(2, ""); s != list[5] {
		t.Errorf("the second is %s, though another of its shape holds its table for 2 s", s.Name)
	}
}

func TestAClosedQueueGivesNothingAndKeepsTheRest(t *testing.T) {
	q := newQueue(shaped(3, 2))
	q.take(1, "")
	q.close()
	if q.take(1, "") != nil || len(q.rest()) != 2 {
		t.Errorf("%d are left, want 2", len(q.rest()))
	}
}

func TestAStageThatFellIsNotCounted(t *testing.T) {
	taken, _ := drain(newQueue(append(shaped(20, 2), shaped(2, 3)...)), 4, true)
	if len(taken) != 22 {
		t.Errorf("%d of 22 scenarios were taken", len(taken))
	}
}
