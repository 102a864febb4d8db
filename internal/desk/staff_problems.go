package desk

import "net/http"

// What staff can meet when they sign in or change accounts.
var (
	errLoginWrong  = Problem{"staff_login_invalid", http.StatusUnauthorized, "The e-mail address or the password is wrong.", "邮箱或密码不对", "An owner gives a new password. The answer is the same for an address that is not known.", "忘记密码请店主重置。邮箱不存在时返回相同。"}
	errCodeWanted  = Problem{"staff_code_wanted", http.StatusUnauthorized, "Send the code of your authenticator too.", "还需要验证器上的动态码", "Send the same again with `code`.", "带上 `code` 再发一次。"}
	errCodeWrong   = Problem{"staff_code_invalid", http.StatusBadRequest, "The code is wrong or was used already.", "动态码不对或已使用", "Wait for the next code; set the clock of the phone.", "等下一个动态码；请校准手机时间。"}
	errLocked      = Problem{"staff_locked", http.StatusTooManyRequests, "Too many wrong logins. Wait until the lock ends.", "登录失败次数过多，已暂时锁定", "`data.until` is when the next try counts. Sessions that are open stay so.", "`data.until` 之后再试；已登录的会话不受影响。"}
	errNoStaff     = Problem{"staff_not_found", http.StatusNotFound, "There is no such account or session.", "没有这个账号或会话", "Read the list again.", "请刷新列表。"}
	errLastOwner   = Problem{"staff_last_owner", http.StatusConflict, "This is the last owner.", "这是最后一位店主", "Make somebody else an owner first.", "请先把另一位员工设为店主。"}
	errEmailUsed   = Problem{"staff_email_used", http.StatusConflict, "Another account has this e-mail address.", "该邮箱已被其他账号使用", "Choose another address, or change that account.", "请换一个邮箱，或修改已有账号。"}
	errOldPassword = Problem{"staff_password_wrong", http.StatusForbidden, "The password is wrong.", "密码不对", "Type the password that you sign in with.", "请输入当前登录密码。"}
	errNoTOTP      = Problem{"staff_totp_none", http.StatusConflict, "There is no authenticator to confirm or remove.", "没有待确认或可移除的验证器", "Begin with POST /api/wx/admin/staff/me/totp.", "请先调用 POST /api/wx/admin/staff/me/totp。"}
	errSuperuser   = Problem{"staff_superuser", http.StatusConflict, "Superusers have their password and sessions in PocketBase.", "超级管理员的密码和会话在 PocketBase 中管理", "Use PocketBase's dashboard.", "请使用 PocketBase 后台。"}
)

func staffProblems() []Problem {
	return []Problem{
		errLoginWrong, errCodeWanted, errCodeWrong, errLocked, errNoStaff, errLastOwner, errEmailUsed, errOldPassword, errNoTOTP, errSuperuser,
	}
}
