package export

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// byteOrderMark makes Excel read the file as UTF-8.
const byteOrderMark = "\xef\xbb\xbf"

// rewriteCSV writes the table anew with the edits applied. Cells that do not change are copied as
// they stand, quotes, line ends and formula guards included; encoding/csv would change them.
func rewriteCSV(r io.Reader, w io.Writer, edits map[string]edit) (rows int64, err error) {
	in := bufio.NewReaderSize(r, blockSize)
	out := bufio.NewWriterSize(w, blockSize)
	if mark, err := in.Peek(len(byteOrderMark)); err == nil && string(mark) == byteOrderMark {
		_, _ = in.Discard(len(byteOrderMark))
		_, _ = out.WriteString(byteOrderMark)
	}
	var record []byte
	var cells [][]byte
	var plan []edit
	for line := int64(0); ; line++ {
		record, err = readRecord(in, record[:0])
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return rows, err
		}
		cells = splitRecord(record, cells[:0])
		if line == 0 {
			plan = make([]edit, len(cells))
			for i, cell := range cells {
				plan[i] = edits[decodeCell(cell)]
			}
			writeRecord(out, cells, plan, true)
			continue
		}
		if len(cells) != len(plan) {
			return rows, badTable()
		}
		rows++
		writeRecord(out, cells, plan, false)
	}
	if plan == nil {
		return 0, badTable()
	}
	if err := out.Flush(); err != nil {
		return rows, fmt.Errorf("writing rows: %w", err)
	}
	return rows, nil
}

func badTable() error {
	return fault.New(contract.ErrTampered, "a part cannot be read as a table", nil)
}

// readRecord appends one record without its line end. By RFC 4180 a record ends at the first line
// end with an even number of quotes before it.
func readRecord(in *bufio.Reader, record []byte) ([]byte, error) {
	quotes := 0
	for {
		piece, err := in.ReadSlice('\n')
		record = append(record, piece...)
		quotes += bytes.Count(piece, []byte{'"'})
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err == io.EOF && len(record) == 0:
			return nil, io.EOF
		case err == io.EOF && quotes%2 == 0:
			return record, nil // the last line end may be missing
		case err == io.EOF:
			return nil, badTable()
		case err != nil:
			return nil, err
		case quotes%2 == 0:
			return bytes.TrimSuffix(bytes.TrimSuffix(record, []byte("\n")), []byte("\r")), nil
		}
	}
}

// splitRecord cuts a record at the commas that stand outside of quotes.
func splitRecord(record []byte, cells [][]byte) [][]byte {
	quoted, start := false, 0
	for i, b := range record {
		switch {
		case b == '"':
			quoted = !quoted
		case b == ',' && !quoted:
			cells = append(cells, record[start:i])
			start = i + 1
		}
	}
	return append(cells, record[start:])
}

// writeRecord writes what the plan leaves; errors come with Flush.
func writeRecord(out *bufio.Writer, cells [][]byte, plan []edit, header bool) {
	first := true
	for i, cell := range cells {
		if plan[i].drop {
			continue
		}
		if !first {
			_ = out.WriteByte(',')
		}
		first = false
		if plan[i].mask == nil || header || len(cell) == 0 { // an empty cell is NULL
			_, _ = out.Write(cell)
			continue
		}
		text := decodeCell(cell)
		if rest, ok := strings.CutPrefix(text, "'"); ok && isFormula(rest) {
			text = rest
		}
		_, _ = out.WriteString(encodeCell(plan[i].mask(text)))
	}
	_, _ = out.WriteString("\r\n")
}

// decodeCell takes the quotes off.
func decodeCell(cell []byte) string {
	if len(cell) >= 2 && cell[0] == '"' && cell[len(cell)-1] == '"' {
		return strings.ReplaceAll(string(cell[1:len(cell)-1]), `""`, `"`)
	}
	return string(cell)
}

// encodeCell puts quotes on, always: an empty text is "" and not NULL. What a spreadsheet would
// take for a formula gets an apostrophe before it.
func encodeCell(text string) string {
	if isFormula(text) {
		text = "'" + text
	}
	return `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
}

// isFormula: how spreadsheets begin a formula (OWASP, CSV injection).
func isFormula(text string) bool {
	return text != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(text)[0])
}
