// Filters, search, keys and theme. The page says everything without it.
(() => {
  'use strict';
  const root = document.documentElement;
  const $ = (selector, from = document) => from.querySelector(selector);
  const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
  const ui = (name) => $(`[data-ui=${name}]`);
  root.classList.add('js');

  // Theme: the system's until the reader chooses.
  const saved = (() => { try { return localStorage.getItem('cniproof-theme'); } catch { return null; } })();
  if (saved === 'dark' || saved === 'light') root.dataset.theme = saved;
  const isDark = () => root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  const themeButton = ui('theme');
  const themeWord = () => { themeButton.textContent = isDark() ? 'Light' : 'Dark'; };
  themeButton.addEventListener('click', () => {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    try { localStorage.setItem('cniproof-theme', root.dataset.theme); } catch { /* not kept, then */ }
    themeWord();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', themeWord);
  themeWord();

  // Items are what filters hide: <details> or table rows with data-item. A filter is
  // a control with data-filter=KEY; an item passes it when its data-KEY holds the value.
  const items = $$('[data-item]');
  const texts = items.map((item) => ((item.tagName === 'DETAILS' ? item.firstElementChild : item).textContent + ' ' +
    Object.values(item.dataset).join(' ')).toLowerCase());
  const search = ui('search');
  const selects = $$('select[data-filter]');
  const buttons = $$('button[data-filter]');

  const wanted = () => {
    const all = {};
    for (const s of selects) if (s.value) all[s.dataset.filter] = [s.value];
    for (const b of buttons) if (b.getAttribute('aria-pressed') === 'true') (all[b.dataset.filter] ??= []).push(b.value);
    return Object.entries(all);
  };
  const apply = () => {
    const want = wanted();
    const words = search ? search.value.toLowerCase().split(/\s+/).filter(Boolean) : [];
    let shown = 0;
    items.forEach((item, i) => {
      const fits = want.every(([key, values]) => {
        const has = (item.dataset[key] || '').split(' ');
        return values.some((v) => has.includes(v));
      }) && words.every((w) => texts[i].includes(w));
      item.hidden = !fits;
      shown += fits;
    });
    for (const group of $$('[data-group]')) group.hidden = !$('[data-item]:not([hidden])', group);
    const count = ui('shown');
    if (count) count.textContent = shown === items.length ? `all ${items.length}` : `${shown} of ${items.length}`;
    const nothing = ui('nothing');
    if (nothing) nothing.hidden = shown > 0 || items.length === 0;
    const clear = ui('clear');
    if (clear) clear.disabled = want.length === 0 && words.length === 0;
  };
  const clearAll = () => {
    if (search) search.value = '';
    for (const s of selects) s.value = '';
    for (const b of buttons) b.setAttribute('aria-pressed', 'false');
    apply();
  };
  search?.addEventListener('input', apply);
  for (const s of selects) s.addEventListener('change', apply);
  for (const b of buttons) {
    b.addEventListener('click', () => {
      b.setAttribute('aria-pressed', b.getAttribute('aria-pressed') === 'true' ? 'false' : 'true');
      apply();
    });
  }
  ui('clear')?.addEventListener('click', clearAll);
  apply();

  // Links into the page open what they lead to.
  const follow = () => {
    let id = '';
    try { id = decodeURIComponent(location.hash.slice(1)); } catch { return; }
    const target = id && document.getElementById(id);
    if (!target) return;
    const item = target.closest('[data-item]');
    if (item?.hidden) clearAll();
    for (let at = target; at; at = at.parentElement) if (at.tagName === 'DETAILS') at.open = true;
    target.scrollIntoView();
    handle(item)?.focus({ preventScroll: true });
  };
  addEventListener('hashchange', follow);
  const handle = (item) => item && (item.tagName === 'DETAILS' ? item.firstElementChild : item);

  // Keys.
  const help = ui('help');
  ui('keys')?.addEventListener('click', () => help.showModal());
  const move = (by) => {
    const visible = items.filter((item) => !item.hidden);
    if (!visible.length) return;
    const here = visible.indexOf(document.activeElement?.closest?.('[data-item]'));
    const next = visible[here < 0 ? (by > 0 ? 0 : visible.length - 1) : Math.min(visible.length - 1, Math.max(0, here + by))];
    handle(next).focus({ preventScroll: true });
    handle(next).scrollIntoView({ block: 'nearest' });
  };
  const escape = () => {
    const item = document.activeElement?.closest?.('details[data-item]');
    if (document.activeElement === search) { search.value = ''; apply(); search.blur(); } else if (item?.open) { item.open = false; handle(item).focus(); } else clearAll();
  };
  addEventListener('keydown', (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || help?.open) return;
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName || '');
    if (e.key === 'Escape') { e.preventDefault(); escape(); return; }
    if (document.activeElement === search && e.key === 'Enter') { e.preventDefault(); search.blur(); move(1); return; }
    if (typing) return;
    const keys = { '/': () => search?.focus(), j: () => move(1), k: () => move(-1), '?': () => help?.showModal() };
    const act = keys[e.key];
    if (act) { e.preventDefault(); act(); }
  });

  // Paper has no closed parts.
  let opened = [];
  addEventListener('beforeprint', () => {
    opened = $$('details:not([open])').filter((d) => !d.closest('[hidden]'));
    for (const d of opened) d.open = true;
  });
  addEventListener('afterprint', () => { for (const d of opened) d.open = false; opened = []; });

  follow();
})();
