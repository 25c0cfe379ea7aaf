// SPDX-License-Identifier: Apache-2.0

// chart DIR VALUES: the templates of a Helm chart, rendered by the library that
// helm renders them with, with as much of helm's own as ours ask for. VALUES is
// JSON. What a template asks for and is not there is an error.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/template"
)

// What helm calls .Files: contents by name.
type files map[string]string

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

// Names as in the chart's directory, links followed.
func in(dir string) files {
	all := files{}
	for _, pattern := range []string{"*", "*/*"} {
		for _, name := range must(filepath.Glob(filepath.Join(dir, pattern))) {
			if info := must(os.Stat(name)); info.Mode().IsRegular() {
				key := must(filepath.Rel(dir, name))
				all[key] = string(must(os.ReadFile(name)))
			}
		}
	}
	return all
}

func (f files) Glob(pattern string) files {
	chosen := files{}
	for name, text := range f {
		if must(filepath.Match(pattern, name)) {
			chosen[name] = text
		}
	}
	return chosen
}

func (f files) Get(name string) string {
	return f[name]
}

// The old text first and what it is in last, as it comes through a pipe.
func replace(old, with, text string) string {
	return strings.ReplaceAll(text, old, with)
}

// A mapping in YAML, of which JSON's strings are part.
func (f files) AsConfig() string {
	var lines []string
	for name, text := range f {
		key := must(json.Marshal(filepath.Base(name)))
		lines = append(lines, fmt.Sprintf("%s: %s", key, must(json.Marshal(text))))
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

func indent(n int, text string) string {
	blanks := strings.Repeat(" ", n)
	return blanks + strings.ReplaceAll(text, "\n", "\n"+blanks)
}

func main() {
	log.SetFlags(0)
	dir := os.Args[1]
	data := map[string]any{
		"Release": map[string]string{"Namespace": "picket"},
		"Files":   in(dir),
	}
	var values map[string]any
	must(0, json.Unmarshal([]byte(os.Args[2]), &values))
	data["Values"] = values
	functions := template.FuncMap{"indent": indent, "replace": replace}
	for _, name := range must(filepath.Glob(filepath.Join(dir, "templates/*"))) {
		made := template.New(filepath.Base(name)).Funcs(functions)
		made.Option("missingkey=error")
		must(made.Parse(string(must(os.ReadFile(name)))))
		fmt.Println("---")
		must(0, made.Execute(os.Stdout, data))
	}
}
