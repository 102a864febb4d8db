package hooks

import (
	"cmp"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"wxbase/internal/standin"

	"github.com/pocketbase/pocketbase/core"
)

// seedDemo makes what the demo needs and is not there yet: a superuser and a few products.
func (c *Config) seedDemo(app core.App) error {
	if err := c.seedSuperuser(app); err != nil {
		return fmt.Errorf("make demo superuser: %w", err)
	}
	if err := seedProducts(app); err != nil {
		return fmt.Errorf("make demo products: %w", err)
	}
	return nil
}

// seedSuperuser makes the superuser whose login is printed. The password is kept beside the simulator's keys, because PocketBase
// keeps only its hash and every start prints it. One that somebody has chosen in the dashboard stays, and is not printed.
func (c *Config) seedSuperuser(app core.App) error {
	asked := c.DemoPassword != ""
	c.DemoPassword = cmp.Or(c.DemoPassword, keptDemoPassword(app.DataDir()), strings.ToLower(rand.Text()[:12]))
	user, err := superuserOf(app, c.DemoEmail)
	switch {
	case err != nil:
		return err
	case user.IsNew():
	case user.ValidatePassword(c.DemoPassword):
		return nil
	case !asked:
		c.DemoPassword = ""
		return nil
	}
	user.SetPassword(c.DemoPassword)
	if err := app.Save(user); err != nil {
		return err
	}
	return os.WriteFile(demoPasswordFile(app.DataDir()), []byte(c.DemoPassword+"\n"), 0o600)
}

func demoPasswordFile(dir string) string {
	return filepath.Join(dir, standin.Folder, "demo-password")
}

// keptDemoPassword is the password that the last start with the simulator printed; empty when there was none.
func keptDemoPassword(dir string) string {
	kept, _ := os.ReadFile(demoPasswordFile(dir)) // note: one that cannot be read is replaced, and that fails aloud
	return strings.TrimSpace(string(kept))
}

// superuserOf finds the superuser with an e-mail address, or begins a new one.
func superuserOf(app core.App, email string) (*core.Record, error) {
	user, err := app.FindAuthRecordByEmail(core.CollectionNameSuperusers, email)
	if !errors.Is(err, sql.ErrNoRows) {
		return user, err
	}
	c, err := app.FindCachedCollectionByNameOrId(core.CollectionNameSuperusers)
	if err != nil {
		return nil, err
	}
	user = core.NewRecord(c)
	user.SetEmail(email)
	return user, nil
}

// seedProducts fills an empty catalogue.
func seedProducts(app core.App) error {
	n, err := app.CountRecords("products")
	if err != nil || n > 0 {
		return err
	}
	c, err := app.FindCachedCollectionByNameOrId("products")
	if err != nil {
		return err
	}
	return app.RunInTransaction(func(tx core.App) error {
		for _, product := range []map[string]any{
			{"name": "三鲜面", "description": "手擀面，虾仁、笋片、香菇。 Noodles with shrimp, bamboo shoots and mushrooms.", "price": 1800},
			{"name": "红油抄手", "description": "十只，花椒现舂。 Ten wontons in chili oil.", "price": 1500, "stock": "50"},
			{"name": "酸梅汤", "description": "乌梅、山楂、陈皮，冰镇。 Iced sour plum drink.", "price": 600, "stock": "100"},
			{"name": "桂花糕", "description": "每日限量。 Osmanthus cake, a few each day.", "price": 880, "stock": "12"},
			{"name": "会员月卡", "description": "虚拟商品，用虚拟支付购买。 A month's membership: virtual goods, paid by virtual payment.", "price": 1990, "kind": "virtual", "position": 6},
		} {
			r := core.NewRecord(c)
			r.Load(product)
			r.Set("active", true)
			if err := tx.Save(r); err != nil {
				return err
			}
		}
		return seedVariants(tx, c)
	})
}

// seedVariants adds a product that comes in two sizes.
func seedVariants(tx core.App, products *core.Collection) error {
	tea := core.NewRecord(products)
	tea.Load(map[string]any{"name": "盖碗茶", "description": "竹叶青，可续水。 Green tea in a covered bowl.", "price": 1200, "active": true, "category": "饮品", "position": 5})
	if err := tx.Save(tea); err != nil {
		return err
	}
	c, err := tx.FindCachedCollectionByNameOrId("product_variants")
	if err != nil {
		return err
	}
	for i, size := range []map[string]any{{"name": "一人份", "price": 1200, "stock": "40"}, {"name": "三人份", "price": 2800, "stock": "15"}} {
		r := core.NewRecord(c)
		r.Load(size)
		r.Load(map[string]any{"product": tea.Id, "active": true, "position": i + 1})
		if err := tx.Save(r); err != nil {
			return err
		}
	}
	return nil
}
