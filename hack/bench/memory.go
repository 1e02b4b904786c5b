package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// treeMemory is the memory in bytes of a process and all its descendants. A page
// that several share counts once (Pss). Processes that end meanwhile count nothing.
func treeMemory(pid int) int64 {
	children := childrenByParent()
	var sum int64
	for queue := []int{pid}; len(queue) > 0; queue = queue[1:] {
		sum += memory(queue[0])
		queue = append(queue, children[queue[0]]...)
	}
	return sum
}

func childrenByParent() map[int][]int {
	children := map[int][]int{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well formed
	for _, file := range files {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			continue
		}
		if parent, ok := parentOf(file); ok {
			children[parent] = append(children[parent], pid)
		}
	}
	return children
}

// parentOf reads a stat file: "pid (name) state parent ...", where the name may
// hold anything.
func parentOf(file string) (int, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 2 {
		return 0, false
	}
	parent, err := strconv.Atoi(fields[1])
	return parent, err == nil
}

func memory(pid int) int64 {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "smaps_rollup"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) >= 2 && fields[0] == "Pss:" {
			kib, _ := strconv.ParseInt(fields[1], 10, 64) // the kernel writes a number
			return kib << 10
		}
	}
	return 0
}
