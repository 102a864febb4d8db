package sim

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"path"
	"slices"
	"strings"

	"wxbase/internal/sim/wire"
)

// The most that a picture may have, and the body around it.
const (
	maxPicture = 2 << 20
	maxUpload  = maxPicture + 64<<10
)

// uploaded is a body of multipart/form-data, read.
type uploaded struct {
	fields map[string]string // those that are no files
	name   string            // of the file
	bytes  []byte
}

// readUpload reads a body of multipart/form-data; the file's field is called file or media.
func readUpload(r *http.Request, body []byte) (u uploaded, ok bool) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return u, false
	}
	u.fields = map[string]string{}
	parts := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for {
		part, err := parts.NextPart()
		if err == io.EOF { //nolint:errorlint // what the package gives as it is
			return u, u.bytes != nil
		}
		if err != nil {
			return u, false
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return u, false
		}
		if part.FileName() != "" {
			u.name, u.bytes = part.FileName(), text
			continue
		}
		u.fields[part.FormName()] = string(text)
	}
}

// signedText is what a caller signs instead of the body: of an upload the field meta alone.
func (c *call) signedText() string {
	if !c.endpoint.upload || !c.endpoint.pay {
		return string(c.body)
	}
	up, _ := readUpload(c.r, c.body)
	return up.fields["meta"]
}

// uploadPicture is POST /v3/merchant-service/images/upload.
// https://pay.weixin.qq.com/docs/merchant/apis/consumer-complaint/images/create-images.html (商户上传反馈图片)
func (s *Sim) uploadPicture(c *call) reply {
	up, ok := readUpload(c.r, c.body)
	if !ok {
		return badField(numParam, "/file", nil, "请求须为multipart/form-data，含meta和file").reply(c)
	}
	var meta struct {
		Filename string `json:"filename"`
		SHA256   string `json:"sha256"`
	}
	sum := sha256.Sum256(up.bytes)
	extension := strings.ToLower(path.Ext(up.name))
	switch err := json.Unmarshal([]byte(up.fields["meta"]), &meta); {
	case err != nil:
		return badField(numParam, "/meta", nil, "meta不是合法的JSON").reply(c)
	case len(up.bytes) > maxPicture:
		return badField(numOutOfRange, "/file", len(up.bytes), "图片大小不能超过2M").reply(c)
	case !slices.Contains([]string{".jpg", ".jpeg", ".png", ".bmp"}, extension) || !goodPicture(up.bytes):
		return badField(numParam, "/file", clip(up.name, 64), "图片只支持jpg、png、bmp格式").reply(c)
	case meta.Filename != up.name:
		return badField(numParam, "/meta/filename", clip(meta.Filename, 64), "meta中的filename与文件名不一致").reply(c)
	case !strings.EqualFold(meta.SHA256, hex.EncodeToString(sum[:])):
		return badField(numParam, "/meta/sha256", clip(meta.SHA256, 64), "文件摘要不一致").reply(c)
	}
	picture := &complaintPicture{ID: strings.ToUpper(wire.HexID(16)) + extension, MchID: c.seller.MchID, Mine: true, Bytes: up.bytes, At: c.now}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.save(picture); err != nil {
		return systemError(err.Error()).reply(c)
	}
	s.state.complaintPictures[picture.ID] = picture
	return okPay(map[string]string{"media_id": picture.ID})
}

// goodPicture looks at the first bytes: JPEG, PNG or BMP.
func goodPicture(b []byte) bool {
	kind := http.DetectContentType(b)
	return kind == "image/jpeg" || kind == "image/png" || kind == "image/bmp"
}

// showPicture is GET /v3/merchant-service/images/{media_id}: the bytes of a payer's picture, which come without a signature. note: of pictures
// that the merchant has uploaded it gives none, as the real one.
// https://pay.weixin.qq.com/docs/merchant/apis/consumer-complaint/images/query-images.html (图片下载)
func (s *Sim) showPicture(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	picture := s.state.complaintPictures[c.param("media_id")]
	if picture == nil || picture.Mine || picture.MchID != c.seller.MchID {
		return payError{
			status: 400, code: "PARAM_ERROR", numeric: numParam, message: "图片不存在", reason: "no picture of a complaint about this merchant has this media_id; those it uploaded itself are not given back",
		}.reply(c)
	}
	return reply{status: http.StatusOK, contentType: http.DetectContentType(picture.Bytes), body: picture.Bytes, unsigned: true}
}

// uploadMedia is POST /cgi-bin/media/upload?type=image: a picture for an answer to a trade complaint.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/kf-mgnt/kf-message/api_uploadtempmedia.html (新增图片素材)
func (s *Sim) uploadMedia(c *call) reply {
	up, ok := readUpload(c.r, c.body)
	switch {
	case !ok:
		return c.refuse(41005, "the body must be multipart/form-data with the file as media")
	case c.query.Get("type") != "image":
		return c.refuse(40004, "type must be image")
	case len(up.bytes) > maxPicture:
		return c.refuse(40009, "the picture is larger than 2 MiB")
	case !goodPicture(up.bytes):
		return c.refuse(40005, "the file is no JPEG, PNG or BMP")
	}
	picture := &complaintPicture{ID: wire.Pick(wire.URLAlnum, 64), MchID: c.appid, Mine: true, Bytes: up.bytes, At: c.now}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.save(picture); err != nil {
		return c.refuse(-1, err.Error())
	}
	s.state.complaintPictures[picture.ID] = picture
	return c.ok(map[string]any{"type": "image", "media_id": picture.ID, "created_at": c.now.Unix()})
}
