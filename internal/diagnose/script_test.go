package diagnose_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/internal/agentbin"
	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/diagnose"
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/scenario"
)

// livesSample does all that scripts do to the lives of pods and namespaces. Its port is
// one that is free.
const livesSample = `
apiVersion: cniproof.dev/v1alpha1
kind: Scenario
metadata: {name: lives}
spec:
  summary: Pods complete and come anew, a namespace does, and datagrams are large.
  level: must
  features: [ingress]
  refs: [https://kubernetes.io/docs/concepts/services-networking/network-policies/]
  topology:
    datagram: 1500
    namespaces:
      x: {labels: {ns: x}}
      y: {labels: {ns: y}}
    pods:
      x/job: {labels: {role: job}, node: 1}
      x/near: {labels: {role: server}, node: 1, ports: [PORT/UDP]}
      y/heir: {labels: {role: heir}, node: 1}
  steps:
  - name: shut
    apply:
    - apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata: {name: near, namespace: x}
      spec: {podSelector: {matchLabels: {role: server}}, policyTypes: [Ingress]}
    expect: {default: allow, flows: [{deny: "* -> x/near"}]}
  - name: open
    delete: [networkpolicy/x/near]
    expect: {default: allow}
  - name: the job completes
    complete: [x/job]
    expect: {default: allow}
  - name: the heir has its address
    reuse: {y/heir: x/job}
    expect: {default: allow}
  - name: the job's object goes
    delete: [pod/x/job]
    expect: {default: allow}
  - name: the other namespace anew
    renew: {y: {labels: {ns: other}}}
    expect: {default: allow}
`

// lives is that scenario, failed after so many steps in the flow from heir to near, which
// had to have the verdict.
func lives(t *testing.T, steps int, expected flow.Verdict) (*diagnose.Evidence, *diagnose.Snapshot) {
	t.Helper()
	return livesOver(t, flow.UDP, steps, expected)
}

func livesOver(t *testing.T, protocol flow.Protocol, steps int, expected flow.Verdict) (*diagnose.Evidence, *diagnose.Snapshot) {
	t.Helper()
	port := freePort(t)
	text := strings.ReplaceAll(livesSample, "PORT/UDP", fmt.Sprintf("%d/%s", port, protocol))
	list, err := scenario.Load(fstest.MapFS{"lives.yaml": {Data: []byte(text)}}, "lives.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := list[0]
	b := scenario.Binding{Namespaces: map[string]string{"x": "run-x", "y": "run-y"}}
	f := flow.Flow{
		Source: flow.Pod("y", "heir"), Destination: flow.Pod("x", "near"), Protocol: protocol, Port: uint16(port), Via: flow.PodIP, Family: flow.IPv4,
	}
	step := judge.Step{Name: s.Steps[steps-1].Name, Result: judge.Fail, Reason: "1 of 2 flows wrong after 1s", Cells: []judge.Cell{
		{Flow: f, Expected: expected, Observed: map[bool]flow.Verdict{true: flow.Deny, false: flow.Allow}[expected == flow.Allow]},
	}}
	e := &diagnose.Evidence{
		Scenario: s, Applied: slices.Repeat([]scenario.Binding{b}, steps), Binding: b, Image: "example.org/agent:1",
		Result: judge.Scenario{Name: s.Name, Level: s.Level, Result: judge.Fail, Reason: step.Reason, Steps: []judge.Step{step}},
	}
	snapshot := &diagnose.Snapshot{}
	for realName, pods := range map[string][]string{"run-x": {"job", "near"}, "run-y": {"heir"}} {
		snapshot.Namespaces = append(snapshot.Namespaces, corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: realName}})
		for _, name := range pods {
			if name == "job" && steps > 4 {
				continue // the scenario has deleted it
			}
			p := cluster.AgentPod(name, "worker", "example.org/agent:1")
			p.Namespace, p.Labels, p.Spec.NodeName = realName, map[string]string{"cniproof.dev/pod": name}, "worker"
			snapshot.Pods = append(snapshot.Pods, *p)
		}
	}
	return e, snapshot
}

func freePort(t *testing.T) int {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}

// rerun runs the script of a bundle where pods are agents of this host and nothing is
// enforced. It returns the exit code, what the script says and what it asked kubectl for.
func rerun(t *testing.T, e *diagnose.Evidence, s *diagnose.Snapshot, environment ...string) (code int, said, asked string) {
	t.Helper()
	agent, err := agentbin.Path(t.Context(), runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	kubectl, err := filepath.Abs("testdata/kubectl.sh")
	if err != nil {
		t.Fatal(err)
	}
	state := t.TempDir()
	dir, err := diagnose.NewFolder(t.TempDir()).Write("lives", diagnose.Render(e, s, diagnose.Words{}))
	if err != nil {
		t.Fatal(err)
	}
	script := exec.CommandContext(t.Context(), filepath.Join(dir, "reproduce.sh"))
	script.Env = append(os.Environ(), append([]string{"KUBECTL=" + kubectl, "STATE=" + state, "AGENT=" + agent, fmt.Sprintf("SOCKETS=cniproof-%d-%s", os.Getpid(), t.Name()), "WITHIN=1"}, environment...)...)
	output, err := script.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	log, err := os.ReadFile(filepath.Join(state, "log"))
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return script.ProcessState.ExitCode(), string(output), string(log)
}

// TestScriptEnds demands the three ends of a script, each in words and by its exit code.
func TestScriptEnds(t *testing.T) {
	for name, c := range map[string]struct {
		steps       int
		expected    flow.Verdict
		environment string
		code        int
		last        string
	}{
		"wrong again":        {1, flow.Deny, "A=", 1, "REPRODUCED: 1 of 1 flow wrong again"},
		"right":              {2, flow.Allow, "A=", 0, "NOT REPRODUCED: the flow was right, as expected"},
		"no such node":       {1, flow.Deny, "FAIL=get node", 2, "could not be told: there is no node worker: set NODE_1 to one of this cluster's"},
		"a step that fails":  {2, flow.Allow, "FAIL=delete networkpolicy", 2, "could not be told: line "},
		"pods that fail":     {1, flow.Deny, "FAIL=apply", 2, "could not be told: line "},
		"pods that are late": {1, flow.Deny, "FAIL=wait", 2, "could not be told: pod x/job is not ready"},
	} {
		t.Run(name, func(t *testing.T) {
			e, s := lives(t, c.steps, c.expected)
			code, said, _ := rerun(t, e, s, c.environment)
			lines := strings.Split(strings.TrimSpace(said), "\n")
			if code != c.code || !strings.HasPrefix(lines[len(lines)-1], c.last) {
				t.Errorf("exit code %d, want %d and %q:\n%s", code, c.code, c.last, said)
			}
		})
	}
}

// TestScriptOfLives plays every step, and looks at what was asked for.
func TestScriptOfLives(t *testing.T) {
	e, s := lives(t, 6, flow.Allow)
	code, said, asked := rerun(t, e, s)
	if code != 0 || !strings.Contains(said, "right  y/heir -> x/near") {
		t.Errorf("exit code %d:\n%s", code, said)
	}
	for _, want := range []string{
		"--for=jsonpath={.status.phase}=Succeeded --timeout=60s pod/job", "delete pod -n cniproof-again-y heir",
		"delete pod -n cniproof-again-x job", "delete namespace cniproof-again-y --timeout=180s",
	} {
		if !strings.Contains(asked, want) {
			t.Errorf("it never asked to %s:\n%s", want, asked)
		}
	}
	// Five addresses go around: job, near and heir have three, the heir gets the others first.
	if got := strings.Count(asked, "delete pod -n cniproof-again-y heir"); got != 3 {
		t.Errorf("the heir was started anew %d times, want 3", got)
	}
}

// TestScriptOfTermination has a pod deleted that nobody waits for, and flows tried after it.
func TestScriptOfTermination(t *testing.T) {
	e, s := lives(t, 3, flow.Allow)
	near := flow.Pod("x", "near")
	e.Scenario.Topology.Terminating = []flow.Endpoint{near}
	e.Scenario.Steps[1].Acts[0].Terminate = []flow.Endpoint{near}
	code, _, asked := rerun(t, e, s)
	first, last := "delete pod -n cniproof-again-x near --wait=false", "delete pod -n cniproof-again-x --ignore-not-found --grace-period=1 --wait=false near"
	if code == 0 || strings.Count(asked, first) != 1 || !strings.Contains(asked, last) || strings.Index(asked, last) < strings.Index(asked, first) {
		t.Errorf("exit code %d; it did not ask for one and then for the other:\n%s\n%s\nbut for\n%s", code, first, last, asked)
	}
}

// TestScriptOfReadiness opens the gate of a pod before it waits for it, and shuts it in the
// step before what the step does to policies.
func TestScriptOfReadiness(t *testing.T) {
	e, s := lives(t, 3, flow.Allow)
	near := flow.Pod("x", "near")
	e.Scenario.Topology.Gated = []flow.Endpoint{near}
	e.Scenario.Steps[1].Acts[0].Ready = []scenario.Readiness{{Pod: near}}
	_, said, asked := rerun(t, e, s)
	const patch = `patch pod -n cniproof-again-x near --subresource=status -p {"status":{"conditions":[{"type":"cniproof.dev/ready","status":"%s"}]}}`
	const wait = "wait -n cniproof-again-x --for=condition=Ready=%s --timeout=120s pod/near"
	at := -1
	for _, want := range []string{
		fmt.Sprintf(patch, "True"), fmt.Sprintf(wait, "True"), "wait -n cniproof-again-x --for=condition=Ready --timeout=120s pod/near",
		fmt.Sprintf(patch, "False"), fmt.Sprintf(wait, "False"),
	} {
		next := strings.Index(asked, want)
		if next <= at || strings.Count(asked, want+"\n") != 1 {
			t.Fatalf("%q is not asked for once, and after what comes before it:\n%s\n%s", want, asked, said)
		}
		at = next
	}
}

// TestScriptRestarts has the plugin restarted after what else a step does, or around it.
func TestScriptRestarts(t *testing.T) {
	const deletion = "delete networkpolicy -n cniproof-again-x --ignore-not-found near"
	for _, away := range []bool{false, true} {
		e, s := lives(t, 2, flow.Allow)
		act := &e.Scenario.Steps[1].Acts[0]
		act.Restart, act.Away = true, away
		code, said, asked := rerun(t, e, s, `RESTART="$KUBECTL" restart begun; sleep 2; "$KUBECTL" restart over`)
		begun, change, over := strings.Index(asked, "restart begun"), strings.Index(asked, deletion), strings.Index(asked, "restart over")
		if code != 0 || begun < 0 || over < begun || (change > begun) != away || change > over {
			t.Errorf("around it: %v; exit code %d, asked at %d, %d and %d:\n%s\n%s", away, code, begun, change, over, said, asked)
		}
	}
}

// TestScriptInherits creates anew the pods that scenarios before this one did.
func TestScriptInherits(t *testing.T) {
	e, s := lives(t, 2, flow.Allow)
	e.Inherited = []flow.Endpoint{flow.Pod("x", "near")}
	code, said, asked := rerun(t, e, s)
	deleted, control := strings.Index(said, "creating anew the pods"), strings.Index(said, "control: ")
	if code != 0 || deleted < 0 || deleted > control || strings.Count(asked, "delete pod -n cniproof-again-x near") != 1 {
		t.Errorf("exit code %d:\n%s\n%s", code, said, asked)
	}
}

// TestScriptWithoutTheAddress gives up in words where the heir never gets the address.
func TestScriptWithoutTheAddress(t *testing.T) {
	e, s := lives(t, 4, flow.Allow)
	code, said, _ := rerun(t, e, s, "REUSE=0")
	if want := "could not be told: pod y/heir was started over and over for 0 s and never got the address of pod x/job"; code != 2 || !strings.Contains(said, want) {
		t.Errorf("exit code %d, want 2 and %q:\n%s", code, want, said)
	}
}

// TestScriptSendsLargeDatagrams looks at what the agent is asked for.
func TestScriptSendsLargeDatagrams(t *testing.T) {
	e, s := lives(t, 1, flow.Deny)
	var script string
	for _, f := range diagnose.Render(e, s, diagnose.Words{}) {
		if f.Name == "reproduce.sh" {
			script = f.Body
		}
	}
	if !strings.Contains(script, `[udp]=1500`) {
		t.Error("the datagrams are as small as can be")
	}
	e.Scenario.Topology.Datagram = maxDatagram + 1
	code, said, _ := rerun(t, e, s)
	if code != 2 || !strings.Contains(said, `is failed`) {
		t.Errorf("datagrams that no agent sends connect, exit code %d:\n%s", code, said)
	}
}

// maxDatagram and maxStream are what agents send at most.
const (
	maxDatagram = 9000
	maxStream   = 100_000
)

// TestScriptSendsStreams has agents send as much as they can over TCP, and more.
func TestScriptSendsStreams(t *testing.T) {
	for size, want := range map[int]int{maxStream: 0, maxStream + 1: 2} {
		e, s := livesOver(t, flow.TCP, 2, flow.Allow)
		e.Scenario.Topology.Stream = size
		if code, said, _ := rerun(t, e, s); code != want {
			t.Errorf("%d bytes: exit code %d, want %d:\n%s", size, code, want, said)
		}
	}
}
