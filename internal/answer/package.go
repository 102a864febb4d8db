// Package answer is what the API says when it refuses: the catalogue of problems in English and Chinese, the
// translation of a feature's error into one of them, and the reading of request bodies.
//
//	return answer.Fail(answer.OrderPaid, nil)
//	return answer.With(answer.StockShort, "product", id)
//	return answer.FromWechat(err)
//
// An answer has PocketBase's shape {status, message, data} with the stable code in data.code. The cause goes to the log only.
package answer
