package ticket

import (
	"context"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// Verify checks a ticket and returns its content. It fails with ErrExpired, with ErrInvalid, or because the keys could
// not be fetched.
func (k *Keyring) Verify(ctx context.Context, token string) (Ticket, error) {
	if token == "" || len(token) > MaxBytes {
		return Ticket{}, ErrInvalid
	}
	var c claims
	var cause error
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}), // NB! we choose the algorithm, not the ticket
		jwt.WithAudience(audience), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(Skew), jwt.WithTimeFunc(k.now),
		jwt.WithStrictDecoding(),
	)
	_, err := parser.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) {
		id, _ := t.Header["kid"].(string)
		if _, critical := t.Header["crit"]; critical { // a mandatory extension, which we do not support
			return nil, ErrInvalid
		}
		key, err := k.find(ctx, id)
		cause = err
		return key, err
	})
	switch {
	case cause != nil && !errors.Is(cause, ErrInvalid):
		return Ticket{}, fmt.Errorf("verify ticket: %w", cause)
	case errors.Is(err, jwt.ErrTokenExpired) && !errors.Is(err, jwt.ErrTokenInvalidAudience):
		return Ticket{}, ErrExpired
	case err != nil:
		return Ticket{}, ErrInvalid
	}
	return c.ticket()
}

// ticket checks what the library does not.
func (c claims) ticket() (Ticket, error) {
	if len(c.Audience) != 1 || c.IssuedAt == nil || c.ID == "" {
		return Ticket{}, ErrInvalid
	}
	if life := c.ExpiresAt.Sub(c.IssuedAt.Time); life <= 0 || life > Life {
		return Ticket{}, ErrInvalid
	}
	t := Ticket{User: c.Subject, Verified: c.Verified, Rooms: c.Rooms, IssuedAt: c.IssuedAt.Time}
	if c.Until != nil {
		t.Until = c.Until.Time
	}
	if t.check() != nil {
		return Ticket{}, ErrInvalid
	}
	return t, nil
}
