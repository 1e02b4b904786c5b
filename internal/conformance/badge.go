package conformance

import (
	"fmt"
	"html"
	"strings"
)

// Badge is the report as a small picture in SVG, such as for a README: who judged, and
// what the profiles came to. The same report, the same bytes.
func (r *Report) Badge() string {
	left := "cniproof " + r.Tool.Version
	right := fmt.Sprintf("%s: %s", r.Implementation.Version, r.results())
	title := fmt.Sprintf("%s, judged by cniproof %s on %s", r, r.Tool.Version, r.Date)
	a, b := textWidth(left)+2*badgeMargin, textWidth(right)+2*badgeMargin
	safe := html.EscapeString
	return strings.NewReplacer(
		"{title}", safe(title), "{left}", safe(left), "{right}", safe(right), "{color}", r.color(),
		"{width}", px(a+b), "{a}", px(a), "{b}", px(b),
		"{x}", px(a/2), "{y}", px(a+b/2), "{l}", px(a-2*badgeMargin), "{r}", px(b-2*badgeMargin),
	).Replace(badge)
}

const badge = `<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" aria-label="{title}">
  <title>{title}</title>
  <clipPath id="r"><rect width="{width}" height="20" rx="3" fill="#fff"/></clipPath>
  <g clip-path="url(#r)">
    <rect width="{a}" height="20" fill="#555"/>
    <rect x="{a}" width="{b}" height="20" fill="{color}"/>
  </g>
  <g fill="#fff" text-anchor="middle" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="11">
    <text x="{x}" y="14" textLength="{l}">{left}</text>
    <text x="{y}" y="14" textLength="{r}">{right}</text>
  </g>
</svg>
`

// String is the report in a few words.
func (r *Report) String() string {
	return fmt.Sprintf("%s %s on Kubernetes %s: %s", r.Implementation.Project, r.Implementation.Version, r.KubernetesVersion, r.results())
}

func (r *Report) results() string {
	var words []string
	for _, p := range r.Profiles {
		words = append(words, p.Name+" "+string(p.Result))
	}
	return strings.Join(words, ", ")
}

// color follows the core profile, and where that is a success the other one. White
// letters can be read on each (a contrast of at least 4.5 to 1).
func (r *Report) color() string {
	worst := Success
	for _, p := range r.Profiles {
		if p.Result == Failure && p.Name == Core {
			return "#b3261e"
		}
		if p.Result != Success && (p.Name == Core || worst == Success) {
			worst = Partial
		}
	}
	if worst == Success {
		return "#1a7f37"
	}
	return "#8a6100"
}

// badgeMargin is on both sides of a text, in pixels.
const badgeMargin = 6

func px(v float64) string { return fmt.Sprintf("%.1f", v) }

// textWidth is the width of text in Verdana at 11 pixels.
func textWidth(text string) float64 {
	const size, unitsPerEm = 11.0, 2048.0
	units := 0
	for _, c := range text {
		units += advance(c)
	}
	return float64(units) * size / unitsPerEm
}

// advance is how far a character moves the pen in Verdana, in units of its design;
// outside of ASCII that of the widest letter.
func advance(c rune) int {
	widths := [...]int{
		720, 806, 940, 1676, 1302, 2204, 1488, 550, 930, 930, 1302, 1676, 745, 930, 745, 930, // space to /
		1302, 1302, 1302, 1302, 1302, 1302, 1302, 1302, 1302, 1302, 930, 930, 1676, 1676, 1676, 1117, // 0 to ?
		2048, 1400, 1404, 1430, 1578, 1295, 1177, 1588, 1539, 862, 931, 1419, 1140, 1726, 1532, 1612, // @ to O
		1235, 1612, 1424, 1400, 1262, 1499, 1400, 2025, 1403, 1260, 1403, 930, 930, 930, 1676, 1302, // P to _
		1302, 1230, 1276, 1067, 1276, 1220, 720, 1276, 1296, 562, 705, 1212, 562, 1992, 1296, 1243, // ` to o
		1276, 1276, 874, 1067, 807, 1296, 1212, 1676, 1212, 1212, 1076, 1300, 930, 1300, 1676, // p to ~
	}
	if i := int(c - ' '); i >= 0 && i < len(widths) {
		return widths[i]
	}
	return 2204
}
