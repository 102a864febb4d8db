package sim_test

import ("testing";"net/http";"os";"context";"time";"wxbase/internal/sim")

func TestZZRun(t *testing.T) {
	if os.Getenv("SIMRUN") == "" { t.Skip() }
	s, err := sim.New(sim.WithStateDir("/tmp/simrun"), sim.WithPublicBase("http://127.0.0.1:8391"))
	if err != nil { t.Fatal(err) }
	s.Start(context.Background())
	srv := &http.Server{Addr: "127.0.0.1:8391", Handler: s.Handler()}
	go srv.ListenAndServe()
	time.Sleep(100*time.Second)
	srv.Close(); s.Close()
}
