package report

import (
	"testing"

	"github.com/cniproof/cniproof/internal/judge"
)

func TestPromises(t *testing.T) {
	whole := judge.Promise{Scenarios: []string{"a"}, Along: []judge.Tried{{Value: "dns", Scenarios: 1}, {Value: "mirrored", Without: "it has no direction"}}}
	partly := judge.Promise{Scenarios: []string{"a"}, Along: []judge.Tried{{Value: "dns"}}}
	untried := judge.Promise{Along: []judge.Tried{{Value: "dns"}}}
	apart := judge.Promise{Apart: "it takes long", Along: []judge.Tried{{Value: "dns", Without: "it takes long"}}}
	for want, list := range map[string][]judge.Promise{
		"": {untried, apart},
		"2 of 2 tried, each along every axis of this cluster":                          {whole, whole},
		"1 of 2 tried, each along every axis of this cluster; what is left runs apart": {whole, apart},
		"1 of 3 tried, each along every axis of this cluster":                          {whole, untried, apart},
		"2 of 3 tried, 1 of them along every axis of this cluster":                     {whole, partly, apart},
	} {
		if got := promises(&judge.Run{Promises: list}); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
