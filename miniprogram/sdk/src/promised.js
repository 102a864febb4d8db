/** promised turns a wx call with success and fail callbacks into a promise. */
export function promised(wx, name, options) {
  return new Promise((resolve, reject) => {
    wx[name](Object.assign({}, options, { success: resolve, fail: reject }));
  });
}

export function after(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** newKey is a key that makes a call safe to repeat. It need not be secret, only never the same twice for one user. */
export function newKey() {
  return Date.now().toString(36) + Math.random().toString(36).slice(2, 12) + Math.random().toString(36).slice(2, 12);
}
