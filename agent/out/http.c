/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl's multi interface driven by our loop: curl says which descriptors
 * and which timer it waits for, the loop says when they are due.
 *
 * Each request has an easy handle of its own, connections live in the multi
 * handle. A replaced certificate must not be met by an old connection (curl
 * compares file names, not what is in them), so when a file has changed, the
 * whole multi handle is made anew.
 */
#include "out/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "out/response_head.h"

struct http {
	struct loop *loop;
	const struct collector *collector;
	http_done_fn done;
	void *done_arg;
	struct loop_timer *timer;
	uint64_t stamp; /* of the files as connections know them */

	CURLM *multi;
	CURL *easy; /* NULL: nothing under way */
	struct curl_slist *headers, *proxy_headers;
	struct buf url;
	struct buf answer;
	struct response_head head;
	const char *refused; /* why we ended the answer ourselves */
	char error[CURL_ERROR_SIZE];
};

int http_global_init(void)
{
	return curl_global_init(CURL_GLOBAL_DEFAULT) ? -ENOMEM : 0;
}

/* ---- curl and the loop -------------------------------------------------------- */

static void end_request(struct http *h)
{
	if (h->easy) {
		(void)curl_multi_remove_handle(h->multi, h->easy);
		curl_easy_cleanup(h->easy);
		h->easy = NULL;
	}
	curl_slist_free_all(h->headers);
	curl_slist_free_all(h->proxy_headers);
	h->headers = NULL;
	h->proxy_headers = NULL;
}

static const char *error_text(const struct http *h, CURLcode code)
{
	if (h->refused)
		return h->refused;
	/* libcurl's word for one that its 100 KiB do not hold. */
	if (code == CURLE_OUT_OF_MEMORY)
		return "no memory, or a line of the answer's head is longer "
		       "than 100 KiB";
	return *h->error ? h->error : curl_easy_strerror(code);
}

static int finish(struct http *h, CURLcode code)
{
	/* Its memory goes with it: one long answer must not stay resident. */
	cleanup_buf struct buf body = h->answer;
	struct http_answer a = {
		.error = "",
		.retry_after = h->head.retry_after,
		.content_type = h->head.content_type,
		.body = buf_slice(&body),
	};
	char error[CURL_ERROR_SIZE];

	/* curl is content with a status line and a connection that ends. */
	if (code == CURLE_OK && !h->head.is_whole)
		h->refused = "the answer ended within its headers";
	else if (code == CURLE_OK) {
		(void)curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE,
					&a.status);
		(void)curl_easy_getinfo(h->easy, CURLINFO_HTTP_VERSION,
					&a.version);
	}
	if (!a.status) {
		(void)snprintf(error, sizeof(error), "%s", error_text(h, code));
		a.error = error;
		a.body = slice_of("", 0);
	}
	buf_init(&h->answer, HTTP_ANSWER_MAX);
	end_request(h);
	return h->done(&a, h->done_arg);
}

/* After each step: is it over? */
static int collect(struct http *h)
{
	CURLMsg *msg;
	int left;

	while (h->multi && (msg = curl_multi_info_read(h->multi, &left))) {
		if (msg->msg == CURLMSG_DONE && msg->easy_handle == h->easy)
			return finish(h, msg->data.result);
	}
	return 0;
}

static int on_socket(int fd, uint32_t events, void *arg)
{
	struct http *h = arg;
	int bits = 0, running;

	if (events & EPOLLIN)
		bits |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		bits |= CURL_CSELECT_OUT;
	if (events & (EPOLLERR | EPOLLHUP))
		bits |= CURL_CSELECT_ERR;
	(void)curl_multi_socket_action(h->multi, fd, bits, &running);
	return collect(h);
}

static int on_timer(void *arg)
{
	struct http *h = arg;
	int running;

	/* Also when curl has cancelled it meanwhile: that does no harm. */
	(void)curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0,
				       &running);
	return collect(h);
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
		       void *known)
{
	struct http *h = arg;
	uint32_t events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		loop_remove(h->loop, fd);
		return 0;
	}
	if (what & CURL_POLL_IN)
		events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		events |= EPOLLOUT;
	if (known)
		return loop_modify(h->loop, fd, events) < 0 ? -1 : 0;
	if (loop_add(h->loop, fd, events, on_socket, h) < 0)
		return -1;
	(void)curl_multi_assign(h->multi, fd, h);
	return 0;
}

static int want_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct http *h = arg;

	(void)multi;
	if (timeout_ms < 0)
		return 0;
	return loop_timer_arm(h->timer, (uint64_t)timeout_ms) < 0 ? -1 : 0;
}

static int make_multi(struct http *h)
{
	h->multi = curl_multi_init();
	if (!h->multi)
		return -ENOMEM;
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, want_timer);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, 2L);
	h->stamp = collector_stamp(h->collector);
	return 0;
}

int http_new(struct loop *l, const struct collector *c, http_done_fn fn,
	     void *arg, struct http **ret)
{
	struct http *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	h->loop = l;
	h->collector = c;
	h->done = fn;
	h->done_arg = arg;
	buf_init(&h->url, 8192);
	buf_init(&h->answer, HTTP_ANSWER_MAX);
	r = collector_url(c, &h->url);
	if (r >= 0)
		r = loop_timer_new(l, 0, on_timer, h, &h->timer);
	if (r >= 0)
		r = make_multi(h);
	if (r < 0) {
		http_free(h);
		return r;
	}
	*ret = h;
	return 0;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	end_request(h);
	if (h->multi)
		(void)curl_multi_cleanup(h->multi);
	buf_done(&h->url);
	buf_done(&h->answer);
	free(h);
}

void http_cancel(struct http *h)
{
	end_request(h);
}

void http_forget(struct http *h)
{
	/* Made anew by the next request. */
	h->stamp = 0;
}

/* ---- one request -------------------------------------------------------------- */

static size_t take_body(char *p, size_t size, size_t n, void *arg)
{
	struct http *h = arg;

	buf_add(&h->answer, p, size * n);
	if (h->answer.failed) {
		h->refused = "the answer is longer than 4 MiB";
		return 0;
	}
	return size * n;
}

static size_t take_header(char *p, size_t size, size_t n, void *arg)
{
	struct http *h = arg;

	if (!response_head_line(&h->head, slice_of(p, size * n))) {
		h->refused = "the headers of the answer are longer than "
			     "256 KiB";
		return 0;
	}
	return size * n;
}

/* What is meant for a proxy is not for the collector, nor the other way. */
static int add_header(struct http *h, const char *line)
{
	struct curl_slist **list = strncasecmp(line, "Proxy-", 6) != 0
					   ? &h->headers
					   : &h->proxy_headers;
	struct curl_slist *more = curl_slist_append(*list, line);

	if (!more)
		return -ENOMEM;
	*list = more;
	return 0;
}

static void cleanup_headers_fn(struct collector_headers *h)
{
	collector_headers_done(h);
}

static int add_headers(struct http *h, const struct http_request *req,
		       char *what)
{
	__attribute__((cleanup(
		cleanup_headers_fn))) struct collector_headers own = { .n = 0 };
	char type[128];
	size_t i;
	int r;

	r = collector_headers_read(h->collector, &own, what);
	if (r < 0)
		return r;
	(void)snprintf(type, sizeof(type), "Content-Type: %s",
		       req->content_type);
	r = add_header(h, type);
	/* curl would wait a second for a go-ahead that few servers give. */
	if (r >= 0)
		r = add_header(h, "Expect:");
	if (r >= 0 && req->is_gzip)
		r = add_header(h, "Content-Encoding: gzip");
	for (i = 0; i < own.n && r >= 0; i++)
		r = add_header(h, own.lines[i]);
	return r;
}

static void set_tls(CURL *e, const struct collector *c)
{
	curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(e, CURLOPT_PROXY_SSLVERSION,
			 (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(e, CURLOPT_PROXY_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(e, CURLOPT_PROXY_SSL_VERIFYHOST, 2L);
#if LIBCURL_VERSION_NUM >= 0x075700
	/* A CA file is read anew, not kept for a day. */
	curl_easy_setopt(e, CURLOPT_CA_CACHE_TIMEOUT, 0L);
#endif
	if (*c->ca_file) {
		curl_easy_setopt(e, CURLOPT_CAINFO, c->ca_file);
		/* Only that one: not the system's directory beside it. */
		curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
		/*
		 * A proxy may be signed by whom the system trusts, too: what
		 * goes through it is held against ca_file all the same.
		 */
		curl_easy_setopt(e, CURLOPT_PROXY_CAINFO, c->ca_file);
	}
	/*
	 * For each certificate on the way up to one of ca_file there must be a
	 * list, and one that is not out of date. Not for a proxy's: it may be
	 * signed by others.
	 */
	if (*c->crl_file)
		curl_easy_setopt(e, CURLOPT_CRLFILE, c->crl_file);
	if (*c->cert_file) {
		curl_easy_setopt(e, CURLOPT_SSLCERT, c->cert_file);
		curl_easy_setopt(e, CURLOPT_SSLKEY, c->key_file);
	}
}

static void set_protocols(CURL *e)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(e, CURLOPT_PROTOCOLS,
			 (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "picket/" PICKET_VERSION);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
	/* Else a name server that is silent holds up the loop, and the end. */
	curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
#endif
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
}

static void set_callbacks(CURL *e, struct http *h)
{
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, h);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, h);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, h->error);
}

static int set_up(struct http *h, const struct http_request *req)
{
	const struct collector *c = h->collector;
	CURL *e = h->easy;

	set_protocols(e);
	set_tls(e, c);
	set_callbacks(e, h);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, h->headers);
	curl_easy_setopt(e, CURLOPT_PROXYHEADER, h->proxy_headers);
	curl_easy_setopt(e, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
	/* "" also keeps http_proxy and its like in the environment out. */
	curl_easy_setopt(e, CURLOPT_PROXY, c->proxy);
	curl_easy_setopt(e, CURLOPT_NOPROXY, "");
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)c->timeout_ms);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)c->connect_timeout_ms);
	curl_easy_setopt(e, CURLOPT_POST, 1L);
	curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
			 (curl_off_t)req->body.n);
	curl_easy_setopt(e, CURLOPT_POSTFIELDS, req->body.p);
	/* The one that is refused when the URL is not one. */
	return curl_easy_setopt(e, CURLOPT_URL, h->url.p) ? -EINVAL : 0;
}

static int refresh(struct http *h)
{
	if (collector_stamp(h->collector) == h->stamp)
		return 0;
	if (h->multi)
		(void)curl_multi_cleanup(h->multi);
	h->multi = NULL;
	return make_multi(h);
}

int http_post(struct http *h, const struct http_request *req,
	      char what[static 256])
{
	int r;

	if (h->easy)
		return -EBUSY;
	buf_reset(&h->answer);
	response_head_begin(&h->head);
	h->refused = NULL;
	h->error[0] = '\0';
	(void)snprintf(what, 256, "out of memory");
	r = refresh(h);
	if (r < 0)
		return r;
	r = add_headers(h, req, what);
	if (r >= 0) {
		h->easy = curl_easy_init();
		r = h->easy ? set_up(h, req) : -ENOMEM;
	}
	if (r >= 0 && curl_multi_add_handle(h->multi, h->easy))
		r = -ENOMEM;
	if (r < 0)
		end_request(h);
	return r;
}
