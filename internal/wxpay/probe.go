package wxpay

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/wechatpay-apiv3/wechatpay-go/core/consts"
)

// ErrAPIv3Key means that the APIv3 key does not decrypt what WeChat Pay encrypted for the merchant.
var ErrAPIv3Key = errSeal

// ProbeKeys asks for the platform certificates, which moves nothing, and checks the answer with the merchant's keys:
// its signature with WeChat Pay's public key or certificate, its content with the APIv3 key.
//
// KindUnverified wraps ErrNotifySerial when the signing key is not the configured one, and ErrNotifySignature when the
// key of that id differs. ErrAPIv3Key: the APIv3 key is wrong. KindConfig: the merchant has no platform certificates,
// as is usual since late 2024, so the probe of a public key learnt nothing.
func (v *V3) ProbeKeys(ctx context.Context) error {
	err := v.probeKeys(ctx)
	if errors.Is(err, ErrNotifyProbe) {
		err = v.probeKeys(ctx) // the probe does not probe itself
	}
	return err
}

func (v *V3) probeKeys(ctx context.Context) error {
	if v.verify.certs != nil {
		_, err := v.verify.certs.fetch(ctx)
		return err
	}
	result, err := v.sdk.Get(ctx, consts.WechatPayAPIServer+certsPath)
	if err := classify(opCerts, result, err); err != nil {
		return err
	}
	body, err := io.ReadAll(result.Response.Body)
	if err != nil {
		return answerError(opCerts, result, "answer cannot be read")
	}
	if _, err := readCertificates(v.aead, body); err != nil {
		return fmt.Errorf("read certificates: %w", err)
	}
	return nil
}
