package doctor

// wordsOfServer is what is found by settings, disk, backups, versions.
func wordsOfServer() []row {
	return []row{
		{
			code: "skipped", check: "", state: Skipped,
			title: [2]string{"Not looked at: {check} comes first", "未检查：请先解决 {check}"},
			why:   [2]string{"What that check found would spoil this one.", "前一项检查的问题会影响本项结果。"},
			cure:  [2]string{"Mend it, and run doctor again.", "解决后重新运行检查。"},
		},
		{
			code: "settings_ok", check: "settings", state: OK,
			title: [2]string{"Stored settings can be used", "已保存的配置可用"},
		},
		{
			code: "settings_unreadable", check: "settings", state: Problem,
			title: [2]string{"Stored settings cannot be used: {rows}", "已保存的配置无法使用：{rows}"},
			why:   [2]string{"They were sealed with another secret key, or are of a form that is refused today.", "它们是用另一把主密钥加密的，或者格式现在已不被接受。"},
			cure:  [2]string{"Set WXBASE_SECRET_KEY (or wxbase.key in the data folder) back to what it was, or enter the values again.", "把 WXBASE_SECRET_KEY（或数据目录里的 wxbase.key）恢复为原来的值，或者重新填写。"},
		},
		{
			code: "disk_ok", check: "disk", state: OK,
			title: [2]string{"The disk has room ({free} MB)", "磁盘空间充足（剩余 {free} MB）"},
		},
		{
			code: "disk_short", check: "disk", state: Warning,
			title: [2]string{"The disk is short of room: {free} MB are free", "磁盘空间不足：仅剩 {free} MB"},
			why:   [2]string{"Orders and backups need room; without it nothing can be written.", "订单和备份都要写盘，写满后一切写入都会失败。"},
			cure:  [2]string{"Make room on the disk of the data folder.", "清理数据目录所在的磁盘。"},
		},
		{
			code: "disk_full", check: "disk", state: Problem,
			title: [2]string{"The disk is full: {free} MB are free", "磁盘已满：仅剩 {free} MB"},
			why:   [2]string{"So little room stops payments from being booked.", "空间过小会使支付结果无法入账。"},
			cure:  [2]string{"Make room on the disk of the data folder at once, or move the folder to a larger one.", "立即清理数据目录所在的磁盘，或迁移到更大的磁盘。"},
		},
		{
			code: "disk_unknown", check: "disk", state: Skipped,
			title: [2]string{"The room on the disk cannot be seen from here", "此处无法查看磁盘空间"},
		},
		{
			code: "backup_ok", check: "backups", state: OK,
			title: [2]string{"The newest backup is {hours} hours old", "最近一次备份在 {hours} 小时前"},
		},
		{
			code: "backup_missing", check: "backups", state: Problem,
			title: [2]string{"There is no backup", "没有任何备份"},
			why:   [2]string{"A broken disk would take all orders with it.", "磁盘一旦损坏，所有订单都会丢失。"},
			cure:  [2]string{"Set a schedule at Settings > Backups in the dashboard, best with a bucket on another machine.", "在后台 Settings > Backups 设置定时备份，最好备份到另一台机器的对象存储。"},
		},
		{
			code: "backup_old", check: "backups", state: Problem,
			title: [2]string{"The newest backup is {hours} hours old, {most} are allowed", "最近一次备份已是 {hours} 小时前（允许 {most} 小时）"},
			why:   [2]string{"The schedule has stopped, or its place cannot be written.", "定时备份已停止，或备份位置无法写入。"},
			cure:  [2]string{"Look at Settings > Backups and at the alerts of kind backup.", "检查后台 Settings > Backups 以及 backup 类告警。"},
		},
		{
			code: "backup_unreadable", check: "backups", state: Problem,
			title: [2]string{"The backups cannot be listed", "无法列出备份"},
			why:   [2]string{"Where they go does not answer, or its keys are wrong.", "备份位置没有响应，或其密钥有误。"},
			cure:  [2]string{"Look at Settings > Backups.", "检查后台 Settings > Backups。"},
		},
		{
			code: "backup_elsewhere", check: "backups", state: Skipped,
			title: [2]string{"Backups are made in another way (WXBASE_BACKUP_HOURS)", "备份由其他方式进行（WXBASE_BACKUP_HOURS）"},
		},
		{
			code: "backup_unknown", check: "backups", state: Skipped,
			title: [2]string{"With the simulator there is nothing to back up", "使用模拟器时无需备份"},
		},
		{
			code: "versions_ok", check: "versions", state: OK,
			title: [2]string{"Built with the modules it was tested with (PocketBase {pocketbase})", "所用模块与测试时一致（PocketBase {pocketbase}）"},
		},
	}
}

// wordsOfServerMore is what is found by replica, versions, proxy.
func wordsOfServerMore() []row {
	return []row{
		{
			code: "replica_ok", check: "replica", state: OK,
			title: [2]string{"The copy in {place} follows", "副本 {place} 同步正常"},
		},
		{
			code: "replica_none", check: "replica", state: Skipped,
			title: [2]string{"Nothing is copied elsewhere (WXBASE_REPLICA): a lost disk costs what came after the last backup", "没有配置副本（WXBASE_REPLICA）：磁盘损坏会丢失上次备份之后的数据"},
		},
		{
			code: "replica_unreachable", check: "replica", state: Problem,
			title: [2]string{"The replica {place} cannot be read: {reason}", "无法读取副本 {place}：{reason}"},
			why:   [2]string{"Its disk or bucket is away, or the keys are wrong.", "磁盘或存储桶无法访问，或密钥有误。"},
			cure:  [2]string{"Check WXBASE_REPLICA, WXBASE_REPLICA_KEY and WXBASE_REPLICA_SECRET, and whether the disk is mounted.", "检查 WXBASE_REPLICA、WXBASE_REPLICA_KEY、WXBASE_REPLICA_SECRET，以及磁盘是否已挂载。"},
		},
		{
			code: "replica_readonly", check: "replica", state: Problem,
			title: [2]string{"The replica {place} cannot be written: {reason}", "无法写入副本 {place}：{reason}"},
			why:   [2]string{"The copy stands still, and a lost disk would take with it what came since.", "副本已停止更新，磁盘损坏会丢失之后的数据。"},
			cure:  [2]string{"Give the key the right to write and delete; for a folder under systemd, set ReadWritePaths.", "给密钥写入和删除的权限；systemd 下的目录请设置 ReadWritePaths。"},
		},
		{
			code: "replica_taken", check: "replica", state: Problem,
			title: [2]string{"The replica {place} belongs to another server now: {owner}", "副本 {place} 现在属于另一台服务器：{owner}"},
			why:   [2]string{"A standby was put in this server's place.", "备用机已经接替了这台服务器。"},
			cure:  [2]string{"Serve this folder no more. To make this machine the standby, run wxbase standby on a new folder.", "不要再用这个目录提供服务。若要让本机成为备用机，请在新目录上运行 wxbase standby。"},
		},
		{
			code: "replica_empty", check: "replica", state: Problem,
			title: [2]string{"The replica {place} is empty", "副本 {place} 是空的"},
			why:   [2]string{"No server with this WXBASE_REPLICA has run, or the place is another one.", "还没有服务器用这个 WXBASE_REPLICA 运行过，或位置不对。"},
			cure:  [2]string{"Start the server with the same environment as this command.", "用与本命令相同的环境变量启动服务器。"},
		},
		{
			code: "replica_late", check: "replica", state: Problem,
			title: [2]string{"The copy is {seconds} seconds behind the database", "副本落后数据库 {seconds} 秒"},
			why:   [2]string{"A lost disk would take that much with it.", "磁盘损坏会丢失这段时间的数据。"},
			cure:  [2]string{"Look at the alert of kind replica and at the log; is the line to the bucket fast enough?", "查看 replica 类提醒和日志；到存储桶的带宽够吗？"},
		},
		{
			code: "replica_files", check: "replica", state: Warning,
			title: [2]string{"The files of storage/ do not follow: {reason}", "storage/ 的文件没有同步：{reason}"},
			why:   [2]string{"Pictures that came since would be gone with the disk.", "磁盘损坏会丢失之后上传的图片。"},
			cure:  [2]string{"Make room in the place of the replica, and look at the log.", "清理副本所在位置的空间，并查看日志。"},
		},
		{
			code: "replica_key", check: "replica", state: Warning,
			title: [2]string{"The key of the stored secrets lies in the data folder only", "解密已保存密钥的主密钥只在数据目录里"},
			why:   [2]string{"A replica does not hold it: AppSecrets and merchant keys in a restored shop could not be opened.", "副本不含主密钥：恢复后 AppSecret 和商户密钥将无法解密。"},
			cure:  [2]string{"Keep a copy of wxbase.key in another place, or set WXBASE_SECRET_KEY, here and on the standby.", "把 wxbase.key 另存一份，或在本机和备用机上设置 WXBASE_SECRET_KEY。"},
		},
		{
			code: "versions_other", check: "versions", state: Warning,
			title: [2]string{"{module} is {have}, tested was {want}", "{module} 为 {have}，测试所用为 {want}"},
			why:   [2]string{"wxbase leans on details of this module that may differ.", "wxbase 依赖该模块的细节，版本不同时可能有差异。"},
			cure:  [2]string{"Build with the version of our go.mod, or run the tests with yours.", "使用 go.mod 中的版本构建，或用你的版本跑一遍测试。"},
		},
		{
			code: "versions_unknown", check: "versions", state: Skipped,
			title: [2]string{"The program does not tell its modules", "程序未包含模块信息"},
		},
		{
			code: "proxy_ok", check: "proxy", state: OK,
			title: [2]string{"No proxy with an untrusted header was seen", "未发现请求头不受信任的反向代理"},
		},
		{
			code: "proxy_untrusted", check: "proxy", state: Problem,
			title: [2]string{"A proxy says the clients' addresses in {header}, which is not trusted", "反向代理用 {header} 传递客户端地址，但该请求头未被信任"},
			why:   [2]string{"All clients share one address then, and with it every limit: a few logins lock out everybody.", "所有客户端会被当作同一个地址，共用所有限额：少数登录就会锁住所有人。"},
			cure:  [2]string{"Enter {header} at Settings > Application > Trusted proxy headers, if the port can be reached through the proxy only.", "如果端口只能经由该代理访问，请在后台 Settings > Application > Trusted proxy headers 填入 {header}。"},
		},
		{
			code: "proxy_unknown", check: "proxy", state: Skipped,
			title: [2]string{"Only a server that runs sees its proxies", "只有运行中的服务器才能看到反向代理"},
			cure:  [2]string{"Run it by POST /api/wx/admin/doctor, or in the dashboard.", "请通过 POST /api/wx/admin/doctor 或在后台运行。"},
		},
	}
}
