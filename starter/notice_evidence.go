package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/habeas-dsr/habeas/internal/announce"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/evidence"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// speaker is who speaks in a notice: the company, and the host that a reader types.
func (a *app) speaker() announce.House {
	_, host, ok := strings.Cut(a.house.Config.PortalURL, "://")
	if !ok {
		host = a.house.Config.PortalURL
	}
	host, _, _ = strings.Cut(host, "/")
	return announce.House{Company: a.house.Map.Company, PortalHost: host, Laws: a.house.Laws}
}

// into writes a file that must not be there yet; what was begun and failed is taken away.
func into(path string, write func(io.Writer) error) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fault.New(contract.ErrBadInput, "the file cannot be written, or is there already: "+path, err)
	}
	err = write(file)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		_ = os.Remove(path)
	}
	return err
}

// onNotice runs f with the desk on the notice of that number.
func (a *app) onNotice(ctx context.Context, id string, temporal bool, f func(*desk.Desk, contract.Ref) error) error {
	ref, err := noticeRef(id)
	if err != nil {
		return err
	}
	d, err := a.desk(ctx, temporal)
	if err != nil {
		return err
	}
	return f(d, ref)
}

func (a *app) noticeEvidence() *cobra.Command {
	var person, out string
	var all bool
	cmd := &cobra.Command{
		Use: "evidence ID", Short: "write a signed pack: what one person, or everybody, was told and when",
		Long: "Write a signed pack, which `habeas notice verify` checks without a database. A person is a keyed hash in it;\n" +
			"with --person the pack holds that one line, and proves that it stands under the signed root of its wave.",
		Example: "  habeas notice evidence 7QK2M-9XH4T --person @mail.txt --out evidence.ndjson\n  habeas notice evidence 7QK2M-9XH4T --all --out evidence.ndjson",
		Args:    needs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			email, err := a.value(person)
			if err != nil {
				return err
			}
			if all == (email != "") || out == "" {
				return misuse("say --person ADDRESS (- or @FILE) or --all, and --out FILE")
			}
			return a.onNotice(cmd.Context(), args[0], false, func(d *desk.Desk, ref contract.Ref) error {
				var line evidence.Line
				err := into(out, func(w io.Writer) error {
					var err error
					line, err = d.NoticeEvidence(cmd.Context(), ref, email, a.speaker(), w)
					return err
				})
				if err != nil {
					return err
				}
				if all {
					return a.print(map[string]string{"file": out}, func() { a.say("%s", out) })
				}
				return a.print(line, func() { a.showLine(line); a.say("%s", out) })
			})
		},
	}
	cmd.Flags().StringVar(&person, "person", "", "the e-mail address of one person, as the directory has it: a value, - or @FILE")
	cmd.Flags().BoolVar(&all, "all", false, "everybody")
	cmd.Flags().StringVar(&out, "out", "", "the file to write; it must not be there yet")
	return cmd
}

func (a *app) showLine(l evidence.Line) {
	a.say("letter %d, wave %d, in %s: %s %s", l.N, l.Wave, l.Lang, l.State, l.Reply)
	if l.SentAt != nil {
		a.say("  taken by the mail server %s, Message-ID %s", when(*l.SentAt), l.MessageID)
	}
	if l.Bounce != "" {
		a.say("  came back: %s %s", l.Bounce, whenever(l.BouncedAt))
	}
	if l.Step != "" {
		a.say("  told by %s %s", l.Step, whenever(l.ToldAt))
	}
}

func (a *app) noticeVerify() *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use: "verify FILE", Short: "check a pack of evidence; needs no database", Args: needs(cobra.ExactArgs(1)),
		Long: "Check the signature of a pack, every line against the signed root of its wave, and that nothing was added or\n" +
			"left out. It prints the installation's public key: compare it with the one that the company published, or give it by --key.",
		Example: "  habeas notice verify evidence.ndjson --key 3f1c…",
		RunE: func(_ *cobra.Command, args []string) error {
			var want []byte
			if key != "" {
				if _, err := fmt.Sscanf(key, "%x", &want); err != nil || len(want) != 32 {
					return misuse("--key is 64 hexadecimal digits")
				}
			}
			file, err := os.Open(args[0])
			if err != nil {
				return fault.New(contract.ErrBadInput, "the file cannot be read: "+args[0], err)
			}
			defer func() { _ = file.Close() }()
			got, err := evidence.Verify(file, want, seal.VerifySignature)
			if err != nil {
				return err
			}
			return a.print(got, func() {
				a.say("holds: notice %s (%s), %d lines of %d people, made %s", got.Notice, got.Kind, got.Lines, got.People, when(got.MadeAt))
				for _, state := range slices.Sorted(maps.Keys(got.States)) {
					a.say("  %-9s %8d", state, got.States[state])
				}
				if got.One != nil {
					a.showLine(*got.One)
				}
				a.say("signed with %s", got.PublicKey)
			})
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "the installation's public key, 64 hexadecimal digits")
	return cmd
}

func (a *app) noticeReport() *cobra.Command {
	var authority, lang, out string
	cmd := &cobra.Command{
		Use: "report ID", Short: "the report to an authority, as far as the facts are known", Args: needs(cobra.ExactArgs(1)),
		Long: "Print the report to an authority, or write it as HTML with --out. It also opens the task in which its filing is\n" +
			"signed with the receipt, when half of the time is not over yet.",
		Example: "  habeas notice report 7QK2M-9XH4T --authority cn-authority --lang zh --out report.html",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.onNotice(cmd.Context(), args[0], true, func(d *desk.Desk, ref contract.Ref) error {
				if authority == "" {
					clocks, err := d.Store.Clocks(cmd.Context(), ref)
					if err != nil {
						return err
					}
					var names []string
					for _, c := range clocks {
						names = append(names, c.Authority)
					}
					return misuse("say --authority; those of this notice: %s", strings.Join(names, ", "))
				}
				subject, text, html, err := d.NoticeReport(cmd.Context(), ref, authority, or(lang, d.Map.Company.Languages[0]), a.speaker())
				if err != nil {
					return err
				}
				if err := d.DraftReport(cmd.Context(), ref, authority); err != nil && !fault.Is(err, contract.ErrNotOpen) {
					return err
				}
				if out != "" {
					return into(out, func(w io.Writer) error { _, err := io.WriteString(w, html); return err })
				}
				return a.print(map[string]string{"subject": subject, "text": text, "html": html}, func() { a.say("%s\n\n%s", subject, text) })
			})
		},
	}
	cmd.Flags().StringVar(&authority, "authority", "", "which one, such as cn-authority or eu-authority")
	cmd.Flags().StringVar(&lang, "lang", "", "zh or en (default the company's first)")
	cmd.Flags().StringVar(&out, "out", "", "write HTML to this file; it must not be there yet")
	return cmd
}

func (a *app) noticeFallback() *cobra.Command {
	var format, out string
	cmd := &cobra.Command{
		Use: "fallback ID", Short: "whom nothing has reached yet: to call, or as letters to print", Args: needs(cobra.ExactArgs(1)),
		Long: "Write the people whom e-mail did not reach and nothing else has told yet: as CSV for those who call, as JSON lines,\n" +
			"or as one HTML file with a page each for a printer. It is personal data, for your eyes.",
		Example: "  habeas notice fallback 7QK2M-9XH4T --format letters --out letters.html",
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" || !slices.Contains([]string{"csv", "json", "letters"}, format) {
				return misuse("say --out FILE, and --format csv, json or letters")
			}
			if _, err := a.signer(cmd.Context()); err != nil {
				return err
			}
			return a.onNotice(cmd.Context(), args[0], false, func(d *desk.Desk, ref contract.Ref) error {
				count := 0
				err := into(out, func(w io.Writer) error {
					if format == "letters" {
						var err error
						count, err = d.PrintLetters(cmd.Context(), ref, a.speaker(), w)
						return err
					}
					rows, lines := csv.NewWriter(w), json.NewEncoder(w)
					if format == "csv" {
						_ = rows.Write([]string{"n", "lang", "who", "mobile", "postal", "check_code"})
					}
					err := d.Fallback(cmd.Context(), ref, func(p desk.FallbackPage) error {
						count++
						if format == "json" {
							return lines.Encode(p)
						}
						return rows.Write([]string{fmt.Sprint(p.N), p.Lang, p.Who, p.Mobile, p.Postal, p.Check})
					})
					rows.Flush()
					return err
				})
				if err != nil {
					return err
				}
				return a.print(map[string]any{"file": out, "people": count}, func() { a.say("%d people: %s", count, out) })
			})
		},
	}
	cmd.Flags().StringVar(&format, "format", "csv", "csv, json or letters")
	cmd.Flags().StringVar(&out, "out", "", "the file to write; it must not be there yet")
	return cmd
}
