package scenario

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cniproof/cniproof/scenarios"
)

// TestActs reads a step of several acts, and what is asked of it.
func TestActs(t *testing.T) {
	text := strings.Replace(base, "    delete: [networkpolicy/prod/db]\n", `    steady: true
    times: 3
    acts:
    - restart: true
    - delete: [networkpolicy/prod/db]
      label: {prod/api: {role: other}}
    - apply:
      - apiVersion: networking.k8s.io/v1
        kind: NetworkPolicy
        metadata: {name: db, namespace: prod}
        spec: {podSelector: {}}
    - recreate: [prod/db, prod/api]
    - recreate: [prod/db]
`, 1)
	s, problems := loadText(t, text)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	step := s.Steps[2]
	if len(step.Acts) != 5 || step.Times != 3 || !step.Steady || !step.Restarts() || !s.Disturbs() || !s.Alone() {
		t.Errorf("read as %+v", step)
	}
	if got := fmt.Sprint(step.Recreated()); got != "[prod/db prod/api]" {
		t.Errorf("recreated: %s", got)
	}
	if got := fmt.Sprint(s.Deeds()[2]); got != "[create delete label recreate restart]" {
		t.Errorf("deeds: %s", got)
	}
	for _, word := range []string{"steady: true", "times: 3", "- restart: true", "recreate: [prod/db]"} {
		if !strings.Contains(step.Source, word) {
			t.Errorf("the source lacks %q:\n%s", word, step.Source)
		}
	}
}

// A restart comes after what else the act does, or goes on around it.
func TestRestart(t *testing.T) {
	const act = "    delete: [networkpolicy/prod/db]\n"
	for text, away := range map[string]bool{"    restart: true\n" + act: false, "    restart: around\n" + act: true} {
		s, problems := loadText(t, strings.Replace(base, act, text, 1))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if step := s.Steps[2]; !step.Restarts() || step.Acts[0].Away != away || len(step.Acts[0].Delete) != 1 {
			t.Errorf("%q is read as %+v", text, step)
		}
	}
	if s, problems := loadText(t, strings.Replace(base, act, "    restart: false\n"+act, 1)); len(problems) > 0 || s.Steps[2].Restarts() {
		t.Errorf("a restart that is denied: %v", problems)
	}
}

// A step that does nothing may be watched for as long as it says.
func TestSteadyWithoutAnAct(t *testing.T) {
	const act = "    delete: [networkpolicy/prod/db]\n"
	for text, wrong := range map[string]bool{"    steady: true\n": true, "    steady: true\n    hold: 100s\n": false} {
		if _, problems := loadText(t, strings.Replace(base, act, text, 1)); strings.Contains(fmt.Sprint(problems), ".steady") != wrong {
			t.Errorf("%q: %v", text, problems)
		}
	}
}

// What a round leaves behind decides what the next one does.
func TestDeedsOfASecondRound(t *testing.T) {
	text := strings.Replace(base, "    delete: [networkpolicy/prod/db]\n", `    times: 2
    acts:
    - apply:
      - apiVersion: networking.k8s.io/v1
        kind: NetworkPolicy
        metadata: {name: other, namespace: prod}
        spec: {podSelector: {}}
`, 1)
	s, problems := loadText(t, text)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if got := fmt.Sprint(s.Deeds()[2]); got != "[create update]" {
		t.Errorf("deeds: %s", got)
	}
}

// A plugin that has stopped to act on changes is found by whoever asks for it.
func TestOddAndDynamicScenariosEndWithACanary(t *testing.T) {
	list, err := Load(scenarios.FS, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		if (s.Dynamic() || s.Topic == "poison") && !s.Canary {
			t.Errorf("%s: lacks `canary: true`", s.File)
		}
	}
}
