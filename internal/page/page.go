// Package page is what all HTML pages of cniproof have in common: one look, one
// script, and a frame that makes a page one file which needs and may use no network.
//
// A page gives its own template, style and data. Everything that is data goes through
// html/template's contextual escaping; a Content-Security-Policy admits this style
// and this script by their hashes and nothing else, so that markup which slipped
// through all the same could neither run nor load anything.
//
// It imports the standard library only.
package page

import (
	"crypto/sha256"
	_ "embed" // for the assets
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

//go:embed page.css
var style string

//go:embed page.js
var script string

//go:embed page.tmpl
var frame string

// Page is one HTML file.
type Page struct {
	Title string
	Tool  string // version of cniproof
	Style string // beside the common one; trusted, as the page's author wrote it
	// Body is a template that defines "body"; it may use "controls", the buttons that
	// every page has.
	Body string
	Data any // of the body
}

// Write writes the page.
func (p Page) Write(w io.Writer) error {
	t, err := template.New("frame").Parse(frame)
	if err != nil {
		return fmt.Errorf("parsing the frame of a page: %w", err)
	}
	if t, err = t.Parse(p.Body); err != nil {
		return fmt.Errorf("parsing the body of a page: %w", err)
	}
	var body strings.Builder
	if err := t.ExecuteTemplate(&body, "body", p.Data); err != nil {
		return fmt.Errorf("filling a page: %w", err)
	}
	css := style + p.Style
	return t.ExecuteTemplate(w, "page", map[string]any{
		"Title": p.Title, "Tool": p.Tool, "Policy": policy(css, script),
		"Style":  template.CSS(css),                     //nolint:gosec // an asset of this program
		"Script": template.JS(script),                   //nolint:gosec // an asset of this program
		"Body":   template.HTML(graphic(body.String())), //nolint:gosec // escaped when the body was filled
	})
}

// graphic leaves out what no browser should be handed: text from a cluster may hold
// control characters, and bytes that are no text.
func graphic(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && !unicode.IsGraphic(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, text)
}

// policy admits one style and one script, and nothing from anywhere.
func policy(css, js string) string {
	return fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; img-src data:; base-uri 'none'; form-action 'none'", hash(css), hash(js))
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
