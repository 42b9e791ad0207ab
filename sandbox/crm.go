package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// crm speaks HubSpot's CRM API v3: contacts and companies, read and searched, and the associations between them.
type crm struct {
	mux       *http.ServeMux
	contacts  *crmObjects
	companies *crmObjects
	rates     *rates
}

// crmObjects are the records of one object type.
type crmObjects struct {
	kind       string // contacts
	singular   string // contact
	properties map[string]bool
	defaults   []string
	list       []*crmObject
	byID       map[string]*crmObject
	having     map[string][]*crmObject // by property: those with a value, in the list's order
	equal      map[[2]string][]*crmObject
}

type crmObject struct {
	id         string
	at         int // in the list
	properties map[string]string
	lower      map[string]string // the properties as they are compared
	created    time.Time
	related    []string // ids of the other type
}

func newCRM(w *World, limits *rates) *crm {
	c := &crm{mux: http.NewServeMux(), rates: limits}
	c.contacts = &crmObjects{kind: "contacts", singular: "contact", defaults: []string{"email", "firstname", "lastname"}, properties: set(
		"email", "firstname", "lastname", "phone", "mobilephone", "company", "address", "city", "zip", "country", "hs_additional_emails",
		"work_email", "twitterhandle", "hs_language", "customer_tier", "lifecyclestage", "hs_object_id", "createdate", "lastmodifieddate",
		"hs_searchable_calculated_phone_number", "hs_searchable_calculated_mobile_number")}
	c.companies = &crmObjects{kind: "companies", singular: "company", defaults: []string{"domain", "name"}, properties: set(
		"name", "domain", "phone", "address", "city", "zip", "country", "invoice_email", "hs_object_id", "createdate",
		"hs_lastmodifieddate", "hs_searchable_calculated_phone_number")}
	c.load(w)
	for _, o := range []*crmObjects{c.contacts, c.companies} {
		c.mux.HandleFunc("GET /crm/v3/objects/"+o.kind, func(w http.ResponseWriter, r *http.Request) { c.list(w, r, o) })
		c.mux.HandleFunc("GET /crm/v3/objects/"+o.kind+"/{id}", func(w http.ResponseWriter, r *http.Request) { c.read(w, r, o) })
		c.mux.HandleFunc("POST /crm/v3/objects/"+o.kind+"/search", func(w http.ResponseWriter, r *http.Request) { c.search(w, r, o) })
		c.associate(o)
	}
	c.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		crmError(w, http.StatusNotFound, "OBJECT_NOT_FOUND", "Unable to find the requested resource "+r.URL.Path)
	})
	return c
}

func set(names ...string) map[string]bool {
	s := map[string]bool{}
	for _, n := range names {
		s[n] = true
	}
	return s
}

func (c *crm) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+CRMLogin.Token {
		crmError(w, http.StatusUnauthorized, "INVALID_AUTHENTICATION", "Authentication credentials not found. This API supports OAuth 2.0 "+
			"authentication and you can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview")
		return
	}
	c.mux.ServeHTTP(w, r)
}

func (c *crm) tooMany(w http.ResponseWriter, retry time.Duration) {
	if retry > 0 {
		retryAfter(w, retry)
	}
	w.Header().Set("X-HubSpot-RateLimit-Max", "190")
	w.Header().Set("X-HubSpot-RateLimit-Remaining", "0")
	w.Header().Set("X-HubSpot-RateLimit-Interval-Milliseconds", "10000")
	reply(w, http.StatusTooManyRequests, object{
		"status": "error", "message": "You have reached your ten_secondly_rolling limit.", "errorType": "RATE_LIMIT",
		"correlationId": correlation, "policyName": "TEN_SECONDLY_ROLLING", "category": "RATE_LIMITS",
	})
}

// correlation names a request in an answer; callers only hand it on.
const correlation = "aeb5f871-7f07-4993-9211-075dc63e7cbf"

func crmError(w http.ResponseWriter, status int, category, message string, details ...string) {
	body := object{"status": "error", "message": message, "correlationId": correlation, "category": category}
	var list []object
	for _, d := range details {
		list = append(list, object{"message": d})
	}
	if list != nil {
		body["errors"] = list
	}
	reply(w, status, body)
}

// shown is a record as the API shows it, with the properties that were asked for; unknown ones are left out in silence.
func (o *crmObjects) shown(x *crmObject, wanted []string) object {
	properties := object{"hs_object_id": x.id, "createdate": x.properties["createdate"]}
	modified := "lastmodifieddate"
	if o.kind == "companies" {
		modified = "hs_lastmodifieddate"
	}
	properties[modified] = x.properties[modified]
	if len(wanted) == 0 {
		wanted = o.defaults
	}
	for _, name := range wanted {
		if o.properties[name] {
			properties[name] = textOrNull(x.properties[name])
		}
	}
	stamp := x.created.Format("2006-01-02T15:04:05.000Z")
	return object{"id": x.id, "properties": properties, "createdAt": stamp, "updatedAt": stamp, "archived": false}
}

func (c *crm) read(w http.ResponseWriter, r *http.Request, o *crmObjects) {
	q := r.URL.Query()
	key, id := q.Get("idProperty"), r.PathValue("id")
	x := o.byID[id]
	if key != "" && key != "hs_object_id" {
		if key != "email" || o.kind != "contacts" {
			crmError(w, http.StatusBadRequest, "VALIDATION_ERROR", fmt.Sprintf("idProperty %s is not a unique property of %s", key, o.kind))
			return
		}
		x = nil
		for _, candidate := range o.list {
			if strings.EqualFold(candidate.properties["email"], id) && id != "" {
				x = candidate
			}
		}
	}
	if x == nil {
		crmError(w, http.StatusNotFound, "OBJECT_NOT_FOUND", "Object not found.  objectId are usually numeric.")
		return
	}
	answer := o.shown(x, commaList(q["properties"]))
	for _, other := range commaList(q["associations"]) {
		to := c.other(o)
		if other != to.kind && other != to.singular {
			crmError(w, http.StatusBadRequest, "VALIDATION_ERROR", "Unable to infer object type from: "+other)
			return
		}
		if len(x.related) > 0 {
			answer["associations"] = object{to.kind: object{"results": o.associations(x, to)}}
		}
	}
	crmQuota(w)
	reply(w, http.StatusOK, answer)
}

func crmQuota(w http.ResponseWriter) {
	w.Header().Set("X-HubSpot-RateLimit-Max", "190")
	w.Header().Set("X-HubSpot-RateLimit-Remaining", "180")
	w.Header().Set("X-HubSpot-RateLimit-Interval-Milliseconds", "10000")
}

// commaList reads a parameter that may be repeated or hold commas.
func commaList(values []string) []string {
	var list []string
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if part != "" {
				list = append(list, part)
			}
		}
	}
	return list
}

func (c *crm) list(w http.ResponseWriter, r *http.Request, o *crmObjects) {
	q := r.URL.Query()
	limit, err := bounded(q.Get("limit"), 10, 100)
	if err != nil {
		crmError(w, http.StatusBadRequest, "VALIDATION_ERROR", "Invalid limit: "+err.Error())
		return
	}
	from := 0
	if after := q.Get("after"); after != "" {
		from = slices.IndexFunc(o.list, func(x *crmObject) bool { return x.id == after })
		if from < 0 {
			crmError(w, http.StatusBadRequest, "VALIDATION_ERROR", "Invalid after: "+after)
			return
		}
	}
	answer := object{}
	to := min(from+limit, len(o.list))
	results := []object{}
	for _, x := range o.list[from:to] {
		results = append(results, o.shown(x, commaList(q["properties"])))
	}
	answer["results"] = results
	if to < len(o.list) {
		answer["paging"] = object{"next": object{"after": o.list[to].id, "link": "?after=" + o.list[to].id}}
	}
	crmQuota(w)
	reply(w, http.StatusOK, answer)
}

// bounded reads a page size: absent is the default, else 1 to most.
func bounded(text string, absent, most int) (int, error) {
	if text == "" {
		return absent, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number", text)
	}
	if n < 1 || n > most {
		return 0, fmt.Errorf("%d is not between 1 and %d", n, most)
	}
	return n, nil
}

// decodeStrict reads a JSON body and refuses fields that the target does not have.
func decodeStrict(r *http.Request, target any) error {
	d := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(target); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON value")
	}
	return nil
}
