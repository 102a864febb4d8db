// Package answer is what the API says when it refuses: the catalogue of problems in English and Chinese, how an error of a room becomes one of
// them, and how a body is read before anything is done with it.
//
//	return answer.Fail(answer.OrderPaid, nil)
//	return answer.With(answer.StockShort, "product", id)
//	return answer.FromWechat(err)
//
// An answer has PocketBase's shape {status, message, data} with the stable code in data.code. The cause goes to the log only.
package answer
