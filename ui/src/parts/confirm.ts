// Asks before something that cannot be taken back.
import { ElMessageBox } from 'element-plus/es/components/message-box/index';
import 'element-plus/es/components/message-box/style/css';
import { t } from '@/i18n';

/** confirmed asks, and tells whether the person went on. */
export async function confirmed(text: string, go: string, danger = false): Promise<boolean> {
  return ElMessageBox.confirm(text, { confirmButtonText: go, cancelButtonText: t('common.cancel'), type: danger ? 'warning' : 'info', autofocus: true, confirmButtonClass: danger ? 'el-button--danger' : '' })
    .then(() => true)
    .catch(() => false);
}
