package diagnose

import (
	"fmt"
	"slices"
	"strings"
)

// Limits of one bundle, in bytes.
const (
	maxFile   = 512 << 10
	maxBundle = 2 << 20
)

// File is one file of a bundle.
type File struct {
	Name string // with slashes
	Body string
	Run  bool // it is a program
}

// Words are what only the caller can say.
type Words struct {
	// Screen is the text report's details of the scenario.
	Screen string
	// Cluster is what was judged and where, a line each.
	Cluster []string
	// Commands repeat the scenario or explain it.
	Commands []string
}

// Render makes the files of a bundle. All together they are not larger than 2 MiB:
// what is cut, or left out for that, the README names.
func Render(e *Evidence, s *Snapshot, w Words) []File {
	script, why := script(e, s)
	files := []File{
		{Name: "manifests.yaml", Body: manifests(s)},
		{Name: "pods.txt", Body: pods(e, s)},
		{Name: "timeline.txt", Body: timelineText(e)},
		{Name: "timeline.json", Body: timelineJSON(e)},
		{Name: "events.txt", Body: events(s)},
	}
	if script != "" {
		files = append([]File{{Name: "reproduce.sh", Body: script, Run: true}}, files...)
	}
	for _, t := range s.Dataplane {
		files = append(files, File{Name: "dataplane/" + fileName(t.Name) + ".txt", Body: t.Body})
	}
	for _, t := range s.Logs {
		files = append(files, File{Name: "cni-agent-logs/" + fileName(t.Name) + ".log", Body: t.Body})
	}
	files = slices.DeleteFunc(files, func(f File) bool { return f.Body == "" })
	problems := slices.Clone(s.Problems)
	if why != "" {
		problems = append(problems, "there is no reproduce.sh: "+why)
	}
	files, cuts := bounded(files)
	readme := File{Name: "README.md", Body: readme(e, s, w, files, append(problems, cuts...))}
	return append([]File{readme}, files...)
}

// bounded keeps files within the limits, and says what that took.
func bounded(files []File) (kept []File, cuts []string) {
	room := maxBundle - 64<<10 // what the README may take
	for _, f := range files {
		whole := len(f.Body)
		allowed := min(maxFile, room)
		if whole > allowed {
			cuts = append(cuts, fmt.Sprintf("%s is cut: it had %d KiB", f.Name, whole>>10))
			f.Body = head(f.Body, allowed)
		}
		room -= len(f.Body)
		if f.Body != "" {
			kept = append(kept, f)
		}
	}
	return kept, cuts
}

// head is the first whole lines of a text that is too long.
func head(text string, limit int) string {
	const mark = "[cut here]\n"
	if limit <= len(mark) {
		return ""
	}
	text = text[:limit-len(mark)]
	return text[:strings.LastIndexByte(text, '\n')+1] + mark
}

// fileName is a name that is one file's on every system.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", r) {
			return r
		}
		return '_'
	}, strings.TrimLeft(name, "."))
}
