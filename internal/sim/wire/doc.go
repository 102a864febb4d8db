// Package wire writes and reads what travels between WeChat and a backend: the flat XML, signatures and req_info of pay v2, the encrypted
// envelope of message pushes, open data of phones, and the shapes of WeChat's ids. It knows no simulator and keeps nothing.
package wire
