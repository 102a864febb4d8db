// Package wire encodes and decodes the traffic between WeChat and a backend: the flat XML, signatures and req_info of
// pay v2, the encrypted envelope of message pushes, open data of phones, and the shapes of WeChat's ids. It has no
// state.
package wire
