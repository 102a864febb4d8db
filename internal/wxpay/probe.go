package wxpay

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/wechatpay-apiv3/wechatpay-go/core/consts"
)

// ErrAPIv3Key means that what WeChat Pay sealed for the merchant does not open with the APIv3 key.
var ErrAPIv3Key = errSeal

// ProbeKeys asks for the platform certificates, which moves nothing, and looks at the answer with the merchant's own keys: its signature
// with WeChat Pay's public key or certificate, its content with the APIv3 key.
//
// KindUnverified wraps ErrNotifySerial when another key has signed than the one that is configured, ErrNotifySignature when the key of that
// id is another. ErrAPIv3Key says that the APIv3 key is another. KindConfig: the merchant has no platform certificates, as all have none
// since late 2024, so that nothing was learnt in the mode of the public key.
func (v *V3) ProbeKeys(ctx context.Context) error {
	err := v.probeKeys(ctx)
	if errors.Is(err, ErrNotifyProbe) {
		err = v.probeKeys(ctx) // a probed call is not probed again
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
