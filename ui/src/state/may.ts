// Which pages the person who is signed in may open.
import { router } from '@/router';
import { session } from './session';

/** mayOpen tells whether an address of these pages is open to the person's role; false for an empty one. */
export function mayOpen(to: string): boolean {
  if (!to) return false;
  const { permission } = router.resolve(to).meta;
  return !permission || session.can(permission);
}
