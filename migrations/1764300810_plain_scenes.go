package migrations

import (
	"fmt"

	"github.com/pocketbase/pocketbase/core"
)

func init() {
	core.AppMigrations.Register(upPlainScenes, downPlainScenes)
}

// A plain scene is one that somebody chose. A code with a payload has a scene of ours, which leads to it alone.
const (
	sceneIndex   = "idx_wx_codes_scene"
	payloadIndex = "idx_wx_codes_payload"
	makerIndex   = "idx_wx_codes_maker"
	userIndex    = "idx_wx_codes_user"

	hasPayload = "`payload` != '' AND `payload` != 'null'" // NULL is neither
	isPlain    = "kind = 'unlimited' AND scene != '' AND (payload IS NULL OR payload IN ('', 'null'))"
)

// upPlainScenes makes codes with a plain scene nobody's: whoever asked for one first was its owner, and the inviter of everybody who came.
// Who asked is kept as maker, for the shop to see. Several codes may have the same plain scene, one for each page and size.
//
// note: the new index of scenes covers all rows, because SQLite does not use one with a condition that the query does not name.
func upPlainScenes(app core.App) error {
	users, err := collectionID(app, "users")
	if err != nil {
		return err
	}
	err = changeIndexes(app, "wx_codes", func(c *core.Collection) {
		c.Fields.Add(&core.RelationField{
			Name: "maker", CollectionId: users, MaxSelect: 1, Hidden: true, Help: "Who asked for it; empty: a superuser. Gives no rights.",
		})
		c.RemoveIndex(sceneIndex)
		c.AddIndex(sceneIndex, false, "`scene`", "")
		c.AddIndex(payloadIndex, true, "`scene`", "`scene` != '' AND "+hasPayload)
		c.AddIndex(makerIndex, false, "`maker`", "")
	})
	if err != nil {
		return err
	}
	return run(app,
		"UPDATE wx_codes SET maker = user",
		// what an earlier way down has set aside
		"UPDATE wx_codes SET scene = options ->> '$.scene', options = json_remove(options, '$.scene') WHERE scene = '' AND options ->> '$.scene' != ''",
		"UPDATE wx_scans SET inviter = '' WHERE inviter != '' AND code IN (SELECT id FROM wx_codes WHERE "+isPlain+")",
		"UPDATE wx_codes SET user = '' WHERE "+isPlain,
	)
}

// downPlainScenes gives the codes back to who asked for them. Of several codes with one scene only the oldest can have it in the version
// before; the others set it aside in their options.
func downPlainScenes(app core.App) error {
	err := run(app,
		"UPDATE wx_codes SET user = maker WHERE "+isPlain,
		"UPDATE wx_scans SET inviter = (SELECT user FROM wx_codes WHERE id = wx_scans.code) WHERE code IN (SELECT id FROM wx_codes WHERE "+isPlain+")",
		`UPDATE wx_codes SET options = json_set(options, '$.scene', scene), scene = '' WHERE `+isPlain+` AND EXISTS (SELECT 1 FROM wx_codes o
			WHERE o.scene = wx_codes.scene AND (o.created < wx_codes.created OR o.created = wx_codes.created AND o.id < wx_codes.id))`,
	)
	if err != nil {
		return err
	}
	return changeIndexes(app, "wx_codes", func(c *core.Collection) {
		c.RemoveIndex(sceneIndex)
		c.RemoveIndex(payloadIndex)
		c.RemoveIndex(makerIndex)
		c.Fields.RemoveByName("maker")
		c.RemoveIndex(userIndex) // note: put back behind it, so that the list is as it was
		c.AddIndex(sceneIndex, true, "`scene`", "`scene` != ''")
		c.AddIndex(userIndex, false, "`user`", "")
	})
}

// run executes statements in order.
func run(app core.App, statements ...string) error {
	for _, s := range statements {
		if _, err := app.NonconcurrentDB().NewQuery(s).Execute(); err != nil {
			return fmt.Errorf("run %q: %w", s, err)
		}
	}
	return nil
}
