package judge

// AxisCount is how often a value of an axis was tried.
type AxisCount struct {
	Axis, Value string
	Scenarios   int // with at least one flow
	Flows       int // of all scenarios, each once however often it was probed
}
