/** promised turns a wx call with success and fail callbacks into a promise. */
export function promised(wx, name, options) {
  return new Promise((resolve, reject) => {
    wx[name]({ ...options, success: resolve, fail: reject });
  });
}

/** enc makes text fit for an address. */
export const enc = encodeURIComponent;

export function after(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** newKey is a key that makes a call safe to repeat. It need not be secret, only never the same twice for one user. */
export function newKey() {
  const piece = () => Math.random().toString(36).slice(2, 12);
  return Date.now().toString(36) + piece() + piece();
}
