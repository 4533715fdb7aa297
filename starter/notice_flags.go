package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/incident"
)

// incidentFlags are the keys of an incident file as flags: texts by language, people by part, and
// what has an inner shape as YAML of one line.
type incidentFlags struct {
	exercise            bool
	awareAt, awareBy    string
	texts               map[string]*[2]string // zh and en, by key
	people              map[string]*[2]string // name and mail, by key
	shapes              map[string]*string
	laws, canaries      []string
	concerned           []string
	given               *pflag.FlagSet
	textKeys, shapeKeys []string
}

// on gives the command the flags.
func (i *incidentFlags) on(cmd *cobra.Command) {
	f := cmd.Flags()
	i.given, i.texts, i.people, i.shapes = f, map[string]*[2]string{}, map[string]*[2]string{}, map[string]*string{}
	i.textKeys = []string{"title", "what", "when", "cause", "harm", "measures", "advice", "remedy", "contact", "authority"}
	i.shapeKeys = []string{"severity", "pace", "ladder", "policy", "recipient", "do_not_notify"}
	f.BoolVar(&i.exercise, "exercise", false, "a drill: everything goes to the catcher and says EXERCISE")
	f.StringVar(&i.awareAt, "aware-at", "", "a breach: when the company knew, such as 2026-11-24T09:00:00+08:00")
	f.StringVar(&i.awareBy, "aware-by", "", "a breach: who says so (default you)")
	for _, key := range i.textKeys {
		t := &[2]string{}
		i.texts[key] = t
		f.StringVar(&t[0], key+"-zh", "", key+" in Chinese: a text, - or @FILE")
		f.StringVar(&t[1], key+"-en", "", key+" in English: a text, - or @FILE")
	}
	for _, key := range []string{"lead", "deputy"} {
		p := &[2]string{}
		i.people[key] = p
		f.StringVar(&p[0], key+"-name", "", "name of the incident's "+key)
		f.StringVar(&p[1], key+"-mail", "", "mail address of the incident's "+key)
	}
	f.StringSliceVar(&i.laws, "laws", nil, "which laws apply (default the company's own)")
	f.StringSliceVar(&i.canaries, "canaries", nil, "addresses of the company's own")
	f.StringArrayVar(&i.concerned, "concerned", nil, "whom it concerns, as YAML of one line; once for each entry")
	for _, key := range i.shapeKeys {
		s := new(string)
		i.shapes[key] = s
		f.StringVar(s, strings.ReplaceAll(key, "_", "-"), "", key+" as the file has it, as YAML of one line")
	}
}

// said reports whether any of the flags was given.
func (i *incidentFlags) said() bool {
	said := false
	for _, name := range []string{"exercise", "aware-at", "aware-by", "laws", "canaries", "concerned"} {
		said = said || i.given.Changed(name)
	}
	for _, key := range i.textKeys {
		said = said || i.given.Changed(key+"-zh") || i.given.Changed(key+"-en")
	}
	for _, key := range []string{"lead", "deputy"} {
		said = said || i.given.Changed(key+"-name") || i.given.Changed(key+"-mail")
	}
	for _, key := range i.shapeKeys {
		said = said || i.given.Changed(strings.ReplaceAll(key, "_", "-"))
	}
	return said
}

// incidentOf reads the incident: the file, or what the flags say in its place.
func (a *app) incidentOf(cmd *cobra.Command, d *desk.Desk, flags *incidentFlags, args []string, me string) (incident.File, error) {
	switch said := flags.said(); {
	case len(args) == 2 && said:
		return incident.File{}, misuse("say FILE or the flags, not both")
	case len(args) == 2:
		return d.ReadIncident(args[1], args[0])
	case !said:
		return incident.File{}, misuse("say FILE, or what happened by flags; `habeas notice open --help` lists them")
	}
	raw, err := flags.document(args[0], me, a.value)
	if err != nil {
		return incident.File{}, err
	}
	return d.ParseIncident("the flags", raw, args[0])
}

// document is the file that the flags stand for. value reads - and @FILE.
func (i *incidentFlags) document(kind, me string, value func(string) (string, error)) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "version: 1\nkind: %s\nexercise: %t\n", kind, i.exercise)
	if kind == string(incident.Breach) {
		i.awareBy = or(i.awareBy, me)
	}
	for _, one := range [][2]string{{"aware_at", i.awareAt}, {"aware_by", i.awareBy}} {
		if one[1] != "" {
			fmt.Fprintf(&b, "%s: %s\n", one[0], quoted(one[1]))
		}
	}
	for _, key := range i.textKeys {
		var text [2]string
		for n, s := range i.texts[key] {
			var err error
			if text[n], err = value(s); err != nil {
				return nil, err
			}
		}
		i.pair(&b, key, [2]string{"zh", "en"}, text)
	}
	for _, key := range []string{"lead", "deputy"} {
		i.pair(&b, key, [2]string{"name", "mail"}, *i.people[key])
	}
	list := func(key string, items []string, form func(string) string) {
		if len(items) == 0 {
			return
		}
		fmt.Fprintf(&b, "%s:\n", key)
		for _, item := range items {
			fmt.Fprintf(&b, "  - %s\n", form(item))
		}
	}
	list("laws", i.laws, quoted)
	list("canaries", i.canaries, quoted)
	list("concerned", i.concerned, oneLine)
	for _, key := range i.shapeKeys {
		if *i.shapes[key] != "" {
			fmt.Fprintf(&b, "%s: %s\n", key, oneLine(*i.shapes[key]))
		}
	}
	return b.Bytes(), nil
}

func (i *incidentFlags) pair(b *bytes.Buffer, key string, names, values [2]string) {
	if values[0]+values[1] != "" {
		fmt.Fprintf(b, "%s: {%s: %s, %s: %s}\n", key, names[0], quoted(values[0]), names[1], quoted(values[1]))
	}
}

// quoted is the text as a JSON string, which YAML reads as it stands.
func quoted(s string) string {
	raw, _ := json.Marshal(s) //nolint:errchkjson // a string cannot fail
	return string(raw)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
