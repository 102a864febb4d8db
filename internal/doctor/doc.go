package doctor

//go:generate env DOCTOR_DOCS=write go test -run TestDocuments .

import (
	"fmt"
	"strings"
)

// Doc renders docs/doctor.md or docs/zh/doctor.md: every finding that is worth a look, with its cure.
func Doc(in Language) string {
	var b strings.Builder
	b.WriteString([2]string{docIntro, docIntroZH}[in])
	for _, c := range checks() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", c.id, [2]string{c.asks[0], c.asks[1]}[in])
		for _, r := range catalogue() {
			if r.check != c.id || r.state == OK || r.state == Skipped {
				continue
			}
			mark := map[State][2]string{Problem: {"problem", "问题"}, Warning: {"warning", "提醒"}}[r.state][in]
			fmt.Fprintf(&b, "\n- `%s` (%s): %s", r.code, mark, r.title[in])
			for _, text := range []string{r.why[in], r.cure[in]} {
				if text != "" {
					fmt.Fprintf(&b, "\n  %s", text)
				}
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

const docIntro = `<!-- made by go generate ./internal/doctor; do not edit -->

# Doctor

[中文](zh/doctor.md). ` + "`wxbase doctor`" + ` looks at the settings and at what is around them, and says what is wrong, why, and how to mend it:

` + "```sh" + `
wxbase doctor              # in English, or in Chinese where LANG says so
wxbase doctor --json       # for programs: {"findings": [{check, code, subject, state, title, why, cure, doc}]}
wxbase doctor --sim        # beside a server that was started with --sim
` + "```" + `

It exits with 1 when there is a problem; a warning is none. ` + "`POST /api/wx/admin/doctor`" + ` and the button "check now" of the dashboard run the same
checks inside the server, which sees more: the proxies in front of it. Nothing is changed, no money moves, and no secret is in a finding.
A check is skipped when one before it has found a problem that would spoil its answer. Words in braces are filled in.
`

const docIntroZH = `<!-- 由 go generate ./internal/doctor 生成，请勿修改 -->

# 体检 doctor

[English](../doctor.md). ` + "`wxbase doctor`" + ` 检查配置及其周围环境，说明哪里不对、为什么、如何解决：

` + "```sh" + `
wxbase doctor              # LANG 为中文时输出中文，否则英文
wxbase doctor --json       # 供程序使用：{"findings": [{check, code, subject, state, title, why, cure, doc}]}
wxbase doctor --sim        # 配合以 --sim 启动的服务器
` + "```" + `

有问题（problem）时退出码为 1，提醒（warning）不算。` + "`POST /api/wx/admin/doctor`" + ` 与后台的“立即检查”在服务器内部运行同样的检查，还能看到前面的反向代理。
检查不修改任何东西，不动钱，结果中没有密钥。前一项有问题、会影响后一项结果时，后一项跳过。花括号中的词会替换为实际内容。
`
