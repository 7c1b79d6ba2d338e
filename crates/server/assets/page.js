// What pages do besides working without it: they learn the reader's time zone, once.
(() => {
  const has = () => document.cookie.split("; ").some((one) => one.startsWith("tranche-zone="));
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (has() || !/^[A-Za-z0-9_+/-]{1,64}$/.test(zone || "")) return;
  document.cookie = `tranche-zone=${zone}; Path=/; Max-Age=31536000; SameSite=Lax`;
  // Only where the cookie is kept; the page has nothing typed in it yet.
  if (has() && zone !== "UTC") location.reload();
})();
