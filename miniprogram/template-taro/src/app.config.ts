export default defineAppConfig({
  pages: ['pages/index/index'],
  window: { navigationBarTitleText: '小面馆', navigationBarBackgroundColor: '#ffffff', navigationBarTextStyle: 'black' },
});
