package judge

import (
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	hundred := make(Distribution, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	tests := []struct {
		name string
		d    Distribution
		p    int
		want time.Duration
	}{
		{"none", nil, 99, 0},
		{"one", Distribution{7}, 1, 7},
		{"one", Distribution{7}, 100, 7},
		{"median of two is the lower", Distribution{1, 2}, 50, 1},
		{"median of three", Distribution{1, 2, 3}, 50, 2},
		{"p90 of ten", hundred[:10], 90, 9},
		{"p91 of ten", hundred[:10], 91, 10},
		{"p99 of ten is the maximum", hundred[:10], 99, 10},
		{"p50", hundred, 50, 50},
		{"p99", hundred, 99, 99},
		{"max", hundred, 100, 100},
	}
	for _, tt := range tests {
		if got := tt.d.Percentile(tt.p); got != tt.want {
			t.Errorf("%s: p%d is %d, want %d", tt.name, tt.p, got, tt.want)
		}
	}
}
