// What a link in a mail opens. Opening it changes nothing: only the button sends the token, which
// stands behind the # and so reached no server, no log and no mail scanner's request.
const TEXTS = {
  en: {
    verify: ["Confirm your address", "Is this address yours? Then confirm it, and we can reach you when it matters.",
      "Confirm my address", "Thank you", "Your address is confirmed. You can close this page."],
    confirm: ["Use this address", "From now on your account will use the address that this link came to.",
      "Use this address", "That is done", "Your account uses this address now. You can close this page."],
    undo: ["Keep this address", "The change of your address is stopped or taken back: your account keeps the address that this link came to.",
      "Keep this address", "Your address stays", "If you did not ask for the change yourself, choose a new password now."],
    reset: ["Choose a new password", "Once you have, all devices are logged out.",
      "Save the password", "Your password is changed", "Log in with it wherever you use your account."],
    forgot: ["Forgotten your password?", "Tell us your e-mail address, and we send you a link to choose a new one.",
      "Send me a link", "Look into your mailbox", "If there is an account with this address, a link is on its way. It works for 30 minutes."],
    password: "New password", email: "E-mail address", show: "Show it", again: "Ask for a new link",
    choose: "Choose a new password", incomplete: "This link is incomplete. Open it from the mail again, or copy all of it.",
    used: "This link has been used, has been replaced by a newer one, or is too old.",
    slow: "Those were many tries in a short time. Wait a minute and try again.",
    away: "We could not be reached. Try again in a moment.",
    short: "A password has at least 8 characters.",
  },
  fr: {
    verify: ["Confirmez votre adresse", "Cette adresse est la vôtre ? Confirmez-la, et nous pourrons vous joindre quand c’est important.",
      "Confirmer mon adresse", "Merci", "Votre adresse est confirmée. Vous pouvez fermer cette page."],
    confirm: ["Utiliser cette adresse", "Votre compte utilisera désormais l’adresse à laquelle ce lien a été envoyé.",
      "Utiliser cette adresse", "C’est fait", "Votre compte utilise maintenant cette adresse. Vous pouvez fermer cette page."],
    undo: ["Garder cette adresse", "Le changement d’adresse est arrêté ou annulé : votre compte garde l’adresse à laquelle ce lien a été envoyé.",
      "Garder cette adresse", "Votre adresse reste la même", "Si vous n’avez pas demandé ce changement, choisissez maintenant un nouveau mot de passe."],
    reset: ["Choisissez un nouveau mot de passe", "Tous les appareils seront alors déconnectés.",
      "Enregistrer", "Votre mot de passe est changé", "Connectez-vous avec lui là où vous utilisez votre compte."],
    forgot: ["Mot de passe oublié ?", "Indiquez votre adresse e-mail : nous vous enverrons un lien pour en choisir un nouveau.",
      "Envoyer un lien", "Regardez votre messagerie", "S’il existe un compte avec cette adresse, un lien est en route. Il fonctionne pendant 30 minutes."],
    password: "Nouveau mot de passe", email: "Adresse e-mail", show: "Afficher", again: "Demander un nouveau lien",
    choose: "Choisir un nouveau mot de passe", incomplete: "Ce lien est incomplet. Ouvrez-le de nouveau depuis le message, ou copiez-le en entier.",
    used: "Ce lien a déjà servi, a été remplacé par un plus récent, ou est trop ancien.",
    slow: "Cela fait beaucoup d’essais en peu de temps. Attendez une minute, puis réessayez.",
    away: "Nous n’avons pas pu être joints. Réessayez dans un instant.",
    short: "Un mot de passe a au moins 8 caractères.",
  },
};
const ADDRESSES = {
  verify: "/api/v1/auth/email/verify",
  confirm: "/api/v1/auth/email/confirm",
  undo: "/api/v1/auth/email/undo",
  reset: "/api/v1/auth/password/reset",
  forgot: "/api/v1/auth/password/forgot",
};
const SHORTEST = 8;

const at = (id) => document.getElementById(id);
const language = navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => tag in TEXTS) ?? "en";
const text = TEXTS[language];
const opened = document.querySelector("main").dataset.page;
const token = new URLSearchParams(location.hash.slice(1)).get("token");
const page = opened === "reset" && !token ? "forgot" : opened;
const [title, explanation, action, doneTitle, doneText] = text[page];

function show(id, words) {
  at(id).textContent = words;
  at(id).hidden = false;
}

function offer(label) {
  show("again", label);
  at("more").hidden = false;
}

function done() {
  history.replaceState(null, "", location.pathname); // the token is spent: not into the history
  show("title", doneTitle);
  show("say", doneText);
  at("form").hidden = true;
  at("more").hidden = true;
  if (page === "undo") offer(text.choose);
}

function ask(kind, label, autocomplete) {
  at("field").hidden = false;
  at("label").textContent = label;
  Object.assign(at("input"), { type: kind, autocomplete, required: true });
}

function body() {
  const written = at("input").value;
  if (page === "forgot") return { email: written };
  return page === "reset" ? { token, password: written } : { token };
}

function reason(status, problem) {
  if (status === 429) return text.slow;
  if (problem.code === "weak_password" || page === "forgot") return problem.errors?.[0]?.message ?? problem.detail;
  if (status >= 500) return text.away;
  if (opened === "reset") offer(text.again);
  return text.used;
}

async function send() {
  const answer = await fetch(ADDRESSES[page], {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body()),
    credentials: "omit",
  });
  if (answer.ok) return done();
  show("wrong", reason(answer.status, await answer.json().catch(() => ({}))));
}

at("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (page === "reset" && [...at("input").value].length < SHORTEST) return show("wrong", text.short);
  at("wrong").hidden = true;
  at("button").disabled = true;
  await send().catch(() => show("wrong", text.away));
  at("button").disabled = false;
});

// another link opened over this page: only what stands behind the # has changed, so nothing was loaded
addEventListener("hashchange", () => location.reload());

document.documentElement.lang = language;
document.title = `${title} · Cartulary`;
show("title", title);
if (token || page === "forgot") {
  show("say", explanation);
  at("button").textContent = action;
  if (page === "forgot") ask("email", text.email, "email");
  if (page === "reset") {
    ask("password", text.password, "new-password");
    at("show").hidden = false;
    at("show").querySelector("span").textContent = text.show;
    at("shown").addEventListener("change", () => { at("input").type = at("shown").checked ? "text" : "password"; });
  }
  at("form").hidden = false;
} else {
  show("say", text.incomplete);
}
