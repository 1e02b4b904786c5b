package strict

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// Describe names a node's kind with its value, as a message about a wrong one needs it.
func Describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	case yaml.DocumentNode, yaml.ScalarNode:
	}
	kinds := map[string]string{"!!int": "the number ", "!!float": "the number ", "!!bool": "the boolean ", "!!null": "a null "}
	if kind, ok := kinds[n.Tag]; ok {
		return strings.TrimSpace(kind + n.Value)
	}
	if n.Tag != "!!str" {
		return "a value tagged " + n.Tag
	}
	return "the string " + strconv.Quote(n.Value)
}

func (d *Decoder) scalar(n *yaml.Node, path string, into reflect.Value) {
	switch into.Kind() {
	case reflect.String:
		if text, ok := d.Text(n, path); ok {
			into.SetString(text)
		}
	case reflect.Bool:
		if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
			d.ReportAt(path, "must be true or false, not %s", Describe(n))
			return
		}
		into.SetBool(strings.EqualFold(n.Value, "true"))
	case reflect.Int, reflect.Int32, reflect.Int64:
		if number, ok := d.number(n, path, into.Type().Bits()); ok {
			into.SetInt(number)
		}
	default:
		d.ReportAt(path, "cannot be set in a file")
	}
}

// Text is a string, or a reported mistake.
func (d *Decoder) Text(n *yaml.Node, path string) (string, bool) {
	isText := n.Kind == yaml.ScalarNode && (n.Tag == "!!str" || n.Tag == "!!timestamp")
	if !isText {
		advice := ""
		if n.Kind == yaml.ScalarNode && n.Tag != "!!binary" {
			advice = ": write it in quotes"
		}
		d.ReportAt(path, "must be a string, not %s%s", Describe(n), advice)
		return "", false
	}
	d.notBoolean(n, path)
	return n.Value, true
}

// notBoolean reports a bare word that kubectl would take for a boolean.
func (d *Decoder) notBoolean(n *yaml.Node, path string) {
	words := []string{"y", "n", "yes", "no", "on", "off"}
	if d.Kubectl && n.Style == 0 && slices.Contains(words, strings.ToLower(n.Value)) {
		d.Report(n.Line, path, "write %q in quotes: kubectl takes the bare word for a boolean", n.Value)
	}
}

func (d *Decoder) number(n *yaml.Node, path string, bits int) (int64, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" {
		advice := ""
		if _, err := strconv.Atoi(n.Value); err == nil && n.Kind == yaml.ScalarNode {
			advice = ": write it without quotes"
		}
		d.ReportAt(path, "must be a number, not %s%s", Describe(n), advice)
		return 0, false
	}
	var number int64
	if n.Decode(&number) != nil || bits < 64 && (number > math.MaxInt32 || number < math.MinInt32) {
		d.ReportAt(path, "the number %s is too large", n.Value)
		return 0, false
	}
	return number, true
}

func (d *Decoder) intOrString(n *yaml.Node, path string, into *intstr.IntOrString) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		if _, err := strconv.Atoi(n.Value); err == nil {
			d.ReportAt(path, "%q is the name of a port, because it is in quotes: write a port number without them", n.Value)
			return
		}
		text, _ := d.Text(n, path)
		*into = intstr.FromString(text)
		return
	}
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" {
		d.ReportAt(path, "must be a port number or the name of a port, not %s", Describe(n))
		return
	}
	if number, ok := d.number(n, path, 32); ok {
		*into = intstr.FromInt32(int32(number)) // number keeps to 32 bits
	}
}

// unmarshal fills types that read their own JSON, such as the times of metadata.
func (d *Decoder) unmarshal(n *yaml.Node, path string, into json.Unmarshaler) {
	var value any
	if err := n.Decode(&value); err != nil {
		d.ReportAt(path, "%s", strings.TrimPrefix(err.Error(), "yaml: "))
		return
	}
	text, err := json.Marshal(value)
	if err == nil {
		err = into.UnmarshalJSON(text)
	}
	if err != nil {
		d.ReportAt(path, "%s cannot be used here: %v", Describe(n), err)
	}
}
