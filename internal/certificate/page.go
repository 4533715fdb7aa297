package certificate

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"time"

	"github.com/habeas-dsr/habeas/internal/datamap"
)

//go:embed page/certificate.html
var pageSource string

var page = template.Must(template.New("certificate").Funcs(template.FuncMap{"hash": Hash}).Parse(pageSource))

// words are the texts of the page in one language.
type words struct {
	Lang, Title, Case, Received, Agreed, Begun, Ended, Ground, Outcome, Laws, Plan, System, What, Action, Rows, Note string
	Kept, Until, Remains, Backups, Signed, How, Planned, Recipient, Answer                                           string
	grounds, outcomes, actions, states, reasons                                                                      map[string]string
}

var inChinese = words{
	Lang: "zh-CN", Title: "个人信息删除证明", Case: "编号", Received: "收到请求", Agreed: "批准", Begun: "开始执行", Ended: "核验完成",
	Ground: "删除事由", Outcome: "办理结果", Laws: "适用法律", Plan: "方案哈希值", System: "系统", What: "数据类别", Action: "处理方式",
	Rows: "记录数", Note: "说明", Kept: "依法保留", Until: "保留至", Remains: "尚存记录", Backups: "备份最迟清除日期",
	Signed: "签名", How: "本页所列内容以内嵌的签名数据为准，可用 habeas certificate verify 离线核验。", Planned: "计划", Recipient: "接收方", Answer: "经办答复",
	grounds: map[string]string{"purpose-over": "处理目的已实现或不再必要", "service-ended": "停止服务或保存期限届满", "consent-withdrawn": "撤回同意",
		"unlawful": "违法处理", "objected": "反对处理", "legal-duty": "法律规定的其他情形", "collected-as-child": "未成年时收集"},
	outcomes: map[string]string{"fulfilled": "已办理", "partial": "部分办理"},
	actions: map[string]string{"delete": "删除", "anonymise": "匿名化", "unlink": "解除关联", "refcount": "解除关联，无人使用时删除", "block": "停止日常使用",
		"keep": "保留", "leave": "未处理", "deleted": "已删除", "anonymised": "已匿名化", "nothing-held": "未持有", "manual": "人工办理", "opendsr": "OpenDSR", "completed": "已完成"},
	states:  map[string]string{Done: "已完成并核验", LeftOut: "未办理（经工作人员签字）", Unproven: "已执行，核验发现尚存记录"},
	reasons: map[string]string{"by-law": "法律规定的保存义务", "shared": "与他人共有", "upward": "属于他人或公共记录", "orphan": "指向已删除记录", "hunt": "自由文本中出现", "frozen": "方案内尚存", "new": "方案后新增", "unanswered": "未能在时限内查完"},
}

var inEnglish = words{
	Lang: "en", Title: "Certificate of deletion", Case: "Case", Received: "Received", Agreed: "Approved", Begun: "Begun", Ended: "Checked",
	Ground: "Ground", Outcome: "Outcome", Laws: "Laws", Plan: "Hash of the plan", System: "System", What: "What", Action: "Action",
	Rows: "Records", Note: "Remark", Kept: "Kept by law", Until: "until", Remains: "Still there", Backups: "Gone from backups by",
	Signed: "Signature", How: "What counts is the signed data inside this page: habeas certificate verify checks it offline.", Planned: "planned", Recipient: "Recipient", Answer: "Answer of whoever was asked",
	grounds: map[string]string{"purpose-over": "no longer needed", "service-ended": "the service or the time of storage is over", "consent-withdrawn": "consent withdrawn",
		"unlawful": "processed unlawfully", "objected": "objection", "legal-duty": "a legal duty to delete", "collected-as-child": "collected from a child"},
	outcomes: map[string]string{"fulfilled": "done", "partial": "done in part"},
	actions: map[string]string{"delete": "deleted", "anonymise": "made anonymous", "unlink": "reference removed", "refcount": "reference removed, deleted with the last one",
		"block": "taken out of use", "keep": "kept", "leave": "left", "anonymised": "made anonymous", "nothing-held": "nothing held", "manual": "by hand", "opendsr": "OpenDSR", "completed": "completed"},
	states:  map[string]string{Done: "done and checked", LeftOut: "not done (signed by staff)", Unproven: "done; the check found something still there"},
	reasons: map[string]string{"by-law": "a law says so", "shared": "it is somebody else's too", "upward": "it is not the person's own", "orphan": "it points at something deleted", "hunt": "it stands in free text", "frozen": "the plan named it", "new": "it came after the plan", "unanswered": "the search ran out of time"},
}

// In gives a text in the page's language.
func (w words) In(t datamap.Text) string { return t.In(w.Lang[:2]) }

// Of says a word of ours in the page's language; one that it does not know stands as it is.
func (w words) Of(word string) string {
	for _, known := range []map[string]string{w.actions, w.states, w.reasons, w.outcomes, w.grounds} {
		if said, ok := known[word]; ok {
			return said
		}
	}
	return word
}

// Day writes a day; times in a certificate are UTC.
func (w words) Day(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02")
}

// Page writes a signed certificate as a page in lang ("zh" or "en"). The page carries the file, so
// that Verify reads it too.
func Page(file []byte, lang string) ([]byte, error) {
	c, _, err := Verify(file, nil)
	if err != nil {
		return nil, err
	}
	w := inEnglish
	if lang != "en" {
		w = inChinese
	}
	var out bytes.Buffer
	err = page.Execute(&out, struct {
		Certificate
		W    words
		File []byte
		Data template.HTML
	}{c, w, file, template.HTML(openMark + string(file) + closeMark)}) //nolint:gosec // encoding/json escapes <, > and &
	if err != nil {
		return nil, fmt.Errorf("writing the page of a certificate: %w", err)
	}
	return out.Bytes(), nil
}
