package datamap

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

const paperFile = `version: 1
system: paper
title: {zh: 纸质合同柜, en: Paper contracts}
driver: manual
region: cn
owner: archive@yunzhan.example
deputy: office@yunzhan.example
rights: [deletion]
tells: [account, email]
due: 5d
instructions: {zh: 在合同柜中找到并销毁, en: Find the folder and shred it}
evidence: {zh: 销毁记录照片, en: A photograph of the shredding log}
`

func withFile(t *testing.T, name, text string) fstest.MapFS {
	t.Helper()
	fsys := exampleFS(t, "")
	fsys[name] = &fstest.MapFile{Data: []byte(text)}
	return fsys
}

func TestManualSystem(t *testing.T) {
	t.Parallel()
	m, err := LoadFS(withFile(t, "paper.yaml", paperFile))
	if err != nil {
		t.Fatal(err)
	}
	s := m.System("paper")
	if s == nil || s.Outside == nil || s.Outside.Due != 5*24*time.Hour || len(s.Collections) != 0 || s.Outside.Evidence.EN == "" {
		t.Fatalf("the manual system: %+v", s)
	}
	if len(m.Asked(RightDeletion)) != 1 || len(m.Asked(RightAccess)) != 0 {
		t.Error("it is asked for the wrong rights")
	}
	if err := compiled(t, Schema()).Validate(asJSON(t, []byte(paperFile))); err != nil {
		t.Errorf("the schema: %v", err)
	}
}

func TestManualSystemMistakes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ old, new, want string }{
		"a collection":        {"owner:", "collections: {a: {table: a}}\nowner:", "collections is for a database"},
		"no instructions":     {"instructions: {zh: 在合同柜中找到并销毁, en: Find the folder and shred it}\n", "", `needs "instructions"`},
		"nobody named":        {"tells: [account, email]\n", "", `needs "tells"`},
		"a kind unknown":      {"tells: [account, email]", "tells: [acount]", "did you mean account?"},
		"a right unknown":     {"rights: [deletion]", "rights: [delete]", "it is one of access, deletion or correction"},
		"a time not read":     {"due: 5d", "due: soon", "due must be a time"},
		"of another language": {"en: A photograph of the shredding log", "en: ''", "evidence has no text"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(paperFile, c.old, c.new, 1)
			_, err := LoadFS(withFile(t, "paper.yaml", text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	_, err := LoadFS(exampleFS(t, "accounts.yaml", "region: cn", "region: cn\ndue: 5d"))
	if err == nil || !strings.Contains(err.Error(), "due is for a system that is asked") {
		t.Errorf("a database with a time to answer: %v", err)
	}
}

const processorFile = `version: 1
system: mailing
title: {zh: 邮件群发, en: Mailing service}
driver: opendsr
region: cn
owner: marketing@yunzhan.example
recipient: {zh: 示例邮件服务商, en: Example Mailing Ltd}
tells: [account, email]
url: https://dsr.mailing.example:8443
domain: dsr.mailing.example
`

func TestProcessor(t *testing.T) {
	t.Parallel()
	m, err := LoadFS(withFile(t, "mailing.yaml", processorFile))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Asked(RightDeletion); len(got) != 1 || got[0].Outside.Domain != "dsr.mailing.example" || len(m.Asked(RightAccess)) != 0 {
		t.Errorf("asked: %+v", got)
	}
	if err := compiled(t, Schema()).Validate(asJSON(t, []byte(processorFile))); err != nil {
		t.Errorf("the schema: %v", err)
	}
	if _, err := LoadFS(withFile(t, "mailing.yaml", strings.Replace(processorFile, "region: cn", "region: sg\ntransfer: SCC-2026-17", 1))); err != nil {
		t.Errorf("abroad, with what the transfer is filed under: %v", err)
	}
	for name, c := range map[string]struct{ old, new, want string }{
		"abroad without a transfer": {"region: cn", "region: sg", "transfer must name"},
		"in Hong Kong without one":  {"region: cn", "region: hk", "transfer must name"},
		"without encryption":        {"https://", "http://", "url must be"},
		"with a password":           {"https://", "https://me:secret@", "url must be"},
		"no recipient":              {"recipient: {zh: 示例邮件服务商, en: Example Mailing Ltd}\n", "", `needs "recipient"`},
		"an identity without word":  {"[account, email]", "[account, mobile]", "OpenDSR has no word for"},
		"asked for access":          {"tells:", "rights: [access, deletion]\ntells:", "a processor is asked to delete"},
		"with instructions":         {"tells:", "instructions: {zh: 请, en: please}\ntells:", "instructions is for the driver manual"},
		"no name of a certificate":  {"domain: dsr.mailing.example", "domain: 'dsr mailing'", "domain must be"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := LoadFS(withFile(t, "mailing.yaml", strings.Replace(processorFile, c.old, c.new, 1)))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Error("the error says a password")
			}
		})
	}
}
