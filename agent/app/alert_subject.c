// SPDX-License-Identifier: Apache-2.0
/*
 * Keys are hashes that nobody can find a double of: a double would hide an
 * alert behind another.
 */
#include "app/alert_subject.h"

#include <string.h>

/* ---- subjects ----------------------------------------------------------- */

/* Each part with its length before it: no two lists of parts are the same. */
static void hash_slice(EVP_MD_CTX *to, struct slice s)
{
	uint64_t n = s.n;

	(void)EVP_DigestUpdate(to, &n, sizeof(n));
	(void)EVP_DigestUpdate(to, s.p, s.n);
}

static void hash_number(EVP_MD_CTX *to, uint64_t v)
{
	(void)EVP_DigestUpdate(to, &v, sizeof(v));
}

static void hash_file(EVP_MD_CTX *to, const struct file_id *f)
{
	hash_number(to, f->dev);
	hash_number(to, f->ino);
	hash_number(to, f->size);
	hash_number(to, (uint64_t)f->mtime_ns);
	hash_number(to, (uint64_t)f->ctime_ns);
}

/* By what it was when it was executed; a copy of it is another. */
static void hash_program(EVP_MD_CTX *to, const struct image *img)
{
	hash_slice(to, img->exe.path);
	hash_file(to, &img->exe_file);
	hash_slice(to, img->script);
}

/* Has somebody looked? */
static bool hash_content(EVP_MD_CTX *to, const struct file_facts *facts)
{
	if (!facts->known || facts->hash != HASH_DONE)
		return false;
	hash_slice(to, slice_of((const char *)facts->sha256,
				sizeof(facts->sha256)));
	return true;
}

/* By its content, wherever that lies. */
static void hash_unlisted(EVP_MD_CTX *to, const struct image *img)
{
	if (!hash_content(to, &img->exe_facts)) {
		hash_slice(to, img->exe.path);
		hash_file(to, &img->exe_file);
	}
	if (img->script.n && !hash_content(to, &img->script_facts)) {
		hash_slice(to, img->script);
		hash_file(to, &img->script_file);
	}
}

bool alert_is_unlisted(const struct event *ev, const struct verdict *v)
{
	return ev->kind == EVENT_EXEC && !v->rule;
}

struct subject_key alert_subject(EVP_MD_CTX *to, const struct event *ev,
				 const struct image *img,
				 const struct verdict *v)
{
	unsigned char sum[EVP_MAX_MD_SIZE] = { 0 };
	struct subject_key key;

	(void)EVP_DigestInit_ex(to, EVP_sha256(), NULL);
	hash_slice(to, slice_str(v->rule));
	hash_number(to, v->rule ? 0 : (uint64_t)ev->kind);
	if (img) {
		if (alert_is_unlisted(ev, v))
			hash_unlisted(to, img);
		else
			hash_program(to, img);
		hash_slice(to, img->parent ? img->parent->exe.path
					   : slice_of(NULL, 0));
		hash_slice(to, img->container);
	}
	(void)EVP_DigestFinal_ex(to, sum, NULL);
	memcpy(key.hash, sum, sizeof(key.hash));
	return key;
}

/* ---- objects ------------------------------------------------------------ */

static void hash_end(EVP_MD_CTX *to, const struct endpoint *e)
{
	hash_number(to, e->family);
	hash_slice(to, slice_of((const char *)e->addr.bytes,
				sizeof(e->addr.bytes)));
	hash_slice(to, e->unix_path);
	hash_number(to, (uint64_t)e->vsock.cid << 32 | e->vsock.port);
}

uint64_t alert_object(EVP_MD_CTX *to, const struct event *ev)
{
	unsigned char sum[EVP_MAX_MD_SIZE] = { 0 };
	const struct image *target = ev->tamper.target_img;
	uint64_t object;

	(void)EVP_DigestInit_ex(to, EVP_sha256(), NULL);
	switch (ev->kind) {
	case EVENT_WRITE:
		hash_slice(to, ev->write.path.path);
		hash_slice(to, ev->write.new_path.path);
		break;
	case EVENT_CONNECT:
		hash_end(to, &ev->connect.peer);
		break;
	case EVENT_LISTEN:
		hash_end(to, &ev->listen.local);
		hash_number(to, ev->listen.local.port);
		break;
	case EVENT_LOAD:
		hash_slice(to, ev->load.path.path);
		hash_slice(to, ev->load.name);
		break;
	case EVENT_TAMPER:
		hash_number(to, (uint64_t)ev->tamper.op);
		hash_number(to, ev->tamper.id);
		if (target)
			hash_slice(to, target->exe.path);
		break;
	default:
		break;
	}
	(void)EVP_DigestFinal_ex(to, sum, NULL);
	memcpy(&object, sum, sizeof(object));
	return object ? object : 1;
}
