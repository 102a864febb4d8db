// the same code for `import`; bundlers and Node read it, a mini program uses require.
import wxbase from './index.js';

export const { createClient, createParser, WxbaseError } = wxbase;
export default wxbase;
