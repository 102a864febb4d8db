package sim

// tables are the parts of the state. A new feature adds its table to both lists, and its own file defines how it is
// stored.
type tables struct {
	clockTable
	personTable
	sessionTable
	grantTable
	tokenTable
	codeTable
	orderTable
	refundTable
	merchantTable
	appTable
	quotaTable
	ruleTable
	linkTable
	pushTable
	templateTable
	creditTable
	messageTable
	mediaTable
	clearsTable
	orderPathTable
	chatTable
	phoneUseTable
	notificationTable
}

// list gives all tables in the order in which the journal is written.
func (t *tables) list() []table {
	return []table{
		&t.clockTable, &t.personTable, &t.sessionTable, &t.grantTable, &t.tokenTable, &t.codeTable, &t.orderTable, &t.refundTable,
		&t.merchantTable, &t.appTable, &t.quotaTable, &t.ruleTable, &t.linkTable, &t.pushTable, &t.templateTable, &t.creditTable,
		&t.messageTable, &t.mediaTable, &t.clearsTable, &t.orderPathTable, &t.chatTable, &t.phoneUseTable, &orderKeeping{t}, &t.notificationTable,
	}
}
