// Runs in a page: what is wrong with it for people who do not see it as its author does. The value is a list of
// complaints.
/* global document, getComputedStyle, innerWidth */
(() => {
  const problems = [];
  const all = [...document.querySelectorAll('*')];
  const visible = all.filter((element) => element.checkVisibility());
  const describe = (element) => `<${element.tagName.toLowerCase()}> "${element.textContent.trim()}"`;

  const ids = all.map(({ id }) => id).filter((id) => id !== '');
  problems.push(...ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => `two elements are called ${id}`));
  for (const name of ['aria-labelledby', 'aria-describedby', 'for']) {
    const named = all.map((element) => element.getAttribute(name)).filter((id) => id !== null);
    problems.push(...named.filter((id) => !ids.includes(id)).map((id) => `${name} names ${id}, which is not there`));
  }

  const nameOf = (element) => {
    const labels = [...(element.labels ?? [])];
    const labelledBy = document.getElementById(element.getAttribute('aria-labelledby') ?? '');
    const texts = [...labels, labelledBy].map((label) => label?.textContent);
    return [element.getAttribute('aria-label'), ...texts, element.textContent].join('').trim();
  };
  const controls = visible.filter((element) => element.matches('button, input, a[href], summary, [tabindex]'));
  problems.push(...controls.filter((one) => nameOf(one) === '').map((one) => `${one.outerHTML} has no name`));
  problems.push(...controls.filter(({ tabIndex }) => tabIndex > 0).map((one) => `${one.outerHTML} jumps the queue`));
  const pictures = visible.filter((element) => element.matches('img:not([alt]), svg:not([aria-hidden], [role])'));
  problems.push(...pictures.map((picture) => `${picture.outerHTML} has no words`));

  if (document.documentElement.lang === '') problems.push('the page does not say its language');
  if (document.title === '') problems.push('the page has no title');
  const levels = [...document.querySelectorAll('h1, h2, h3')].map(({ tagName }) => Number(tagName.slice(1)));
  if (levels[0] !== 1 || levels.filter((level) => level === 1).length !== 1) problems.push('there must be one h1');
  if (document.querySelectorAll('main').length !== 1) problems.push('there must be one main');
  if (document.documentElement.scrollWidth > innerWidth) problems.push('the page is wider than the window');

  // WCAG 2.1, 1.4.3. The canvas knows every notation of a color.
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const paint = (...colors) => {
    for (const color of colors) {
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
    }
    return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  };
  const luminance = (rgb) => {
    const [red = 0, green = 0, blue = 0] = rgb
      .map((value) => value / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const backgrounds = (element) =>
    element === null ? [] : [...backgrounds(element.parentElement), getComputedStyle(element).backgroundColor];
  for (const element of visible) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent?.trim() !== '');
    if (!hasText) continue;
    const { color, fontSize, fontWeight } = getComputedStyle(element);
    const behind = ['Canvas', ...backgrounds(element)];
    const [darker = 0, lighter = 0] = [luminance(paint(...behind)), luminance(paint(...behind, color))].sort(
      (one, other) => one - other,
    );
    const contrast = (lighter + 0.05) / (darker + 0.05);
    const size = parseFloat(fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(fontWeight) >= 700);
    if (contrast < (isLarge ? 3 : 4.5)) problems.push(`${describe(element)} has a contrast of ${contrast.toFixed(2)}`);
  }
  return problems;
})();
