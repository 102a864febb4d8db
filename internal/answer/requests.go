package answer

import (
	"errors"
	"io"
	"strconv"

	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/router"

	"wxbase/internal/wechat"
)

// QueryNumber reads a number from 1 to most from the query string.
func QueryNumber(e *core.RequestEvent, name string, otherwise, most int) (int, error) {
	text := e.Request.URL.Query().Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, With(BadRequest, "reason", name+" must be a number from 1 to "+strconv.Itoa(most))
	}
	return n, nil
}

// Upload reads the one file of a multipart field. It reads a byte more than most, so that whoever checks the content sees one that is too large.
func Upload(e *core.RequestEvent, field string, most int64) ([]byte, error) {
	files, err := e.FindUploadedFiles(field)
	if err != nil || len(files) != 1 {
		return nil, Field(FieldInvalid, field, "one file")
	}
	reader, err := files[0].Reader.Open()
	if err != nil {
		return nil, Fail(Busy, err)
	}
	defer func() { _ = reader.Close() }()
	content, err := io.ReadAll(io.LimitReader(reader, most+1))
	if err != nil {
		return nil, Fail(Busy, err)
	}
	return content, nil
}

// WithReason names the field that is wrong before any call, in WeChat's words.
func WithReason(problem Problem, cause error) *router.ApiError {
	refusal := Fail(problem, cause)
	if fe, ok := errors.AsType[*wechat.FieldError](cause); ok {
		refusal.Data["reason"] = fe.Error()
	}
	return refusal
}

// IsPictureRefused tells whether a picture kept a record from being saved.
func IsPictureRefused(err error) bool {
	fields, ok := errors.AsType[validation.Errors](err)
	if !ok {
		return false
	}
	for _, field := range fields {
		if refusal, ok := errors.AsType[validation.Error](field); ok && refusal.Code() == ImageRefused.Code {
			return true
		}
	}
	return false
}
