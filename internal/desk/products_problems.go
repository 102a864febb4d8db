package desk

import "net/http"

var errNoProduct = Problem{"desk_product_not_found", http.StatusNotFound, "There is no such product.", "没有这个商品", "Load the list again.", "请刷新列表。"}

func productProblems() []Problem { return []Problem{errNoProduct} }
