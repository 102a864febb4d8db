/** Options are the flags of `wxbase sim exec`. */
export interface Options {
  /** how many mini programs there are at least; their credentials are WX_APPID_2, WX_SECRET_2 ... */
  apps?: number;
  /** how many merchants there are at least; theirs are WX_MCHID_2 ... */
  merchants?: number;
  /** how many orders are remembered; 0 is all */
  keep?: number;
  /** a JSON or YAML file in the form of /_sim/config with the credentials that the backend has */
  credentials?: string;
  /** pages of the published version, joined by commas */
  pages?: string;
  /** such as "5m" */
  closeMinAge?: string;
  publicKeyOnly?: boolean;
  billsAnyTime?: boolean;
  mixedSerials?: boolean;
  clientCertificates?: boolean;
  /** a second address that speaks TLS */
  tls?: string;
  /** a further address that leads WeChat's hosts to the simulator, such as "127.0.0.1:0"; env then has HTTPS_PROXY and the authority to trust */
  proxy?: string;
}

export interface Sim {
  /** stands for https://api.weixin.qq.com and https://api.mch.weixin.qq.com */
  url: string;
  /** WX_* and WXBASE_*: Object.assign(process.env, sim.env) */
  env: Record<string, string>;
  /** calls the control API under /_sim/; throws what it refuses */
  control(route: string, body?: unknown, method?: string): Promise<any>;
  stop(): Promise<void>;
}

export function start(options?: Options): Promise<Sim>;
/** the executable: WXBASE_BIN, the one in the package, or the one in PATH */
export function find(env?: Record<string, string | undefined>): string;
