export default definePageConfig({ navigationBarTitleText: '小面馆' });
