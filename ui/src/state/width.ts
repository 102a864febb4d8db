// Whether the window is as narrow as a phone: lists turn into cards.
import { ref } from 'vue';

const query = window.matchMedia('(max-width: 767px)');
export const narrow = ref(query.matches);
query.addEventListener('change', (event) => (narrow.value = event.matches));
