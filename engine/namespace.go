package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence"
	"go.temporal.io/server/common/persistence/serialization"
	"go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/resolver"
	"go.temporal.io/server/common/searchattribute/sadefs"
	sqliteschema "go.temporal.io/server/schema/sqlite"
	"google.golang.org/protobuf/types/known/durationpb"
)

// prepareNamespace makes the namespace and brings its retention and search attributes to what is
// wanted now. It writes to the database of the server that has not started yet: through the API
// every service would learn of it seconds later, and the first cases would fail on an attribute that
// is not known.
func prepareNamespace(ctx context.Context, server *config.SQL, options Options) error {
	fresh, err := sqliteschema.NewNamespaceConfig(clusterName, options.Namespace, false, nil)
	if err != nil {
		return err
	}
	fresh.Detail.Config.Retention = durationpb.New(DefaultRetention)
	if err := sqliteschema.CreateNamespaces(server, fresh); err != nil {
		return err
	}
	db, err := sql.NewSQLDB(sqlplugin.DbKindMain, server, resolver.NewNoopResolver(), log.NewNoopLogger(), metrics.NoopMetricsHandler)
	if err != nil {
		return err
	}
	defer db.Close()
	rows, err := db.SelectFromNamespace(ctx, sqlplugin.NamespaceFilter{Name: &options.Namespace})
	if err != nil {
		return fmt.Errorf("reading namespace %s: %w", options.Namespace, err)
	}
	row, serializer := rows[0], serialization.NewSerializer()
	detail, err := serializer.NamespaceDetailFromBlob(persistence.NewDataBlob(row.Data, row.DataEncoding))
	if err != nil {
		return fmt.Errorf("reading namespace %s: %w", options.Namespace, err)
	}
	if options.Retention > 0 {
		detail.Config.Retention = durationpb.New(options.Retention)
	}
	detail.Config.CustomSearchAttributeAliases, err = assign(detail.Config.CustomSearchAttributeAliases, options.SearchAttributes)
	if err != nil {
		return err
	}
	blob, err := serializer.NamespaceDetailToBlob(detail)
	if err != nil {
		return err
	}
	row.Data, row.DataEncoding = blob.GetData(), blob.GetEncodingType().String()
	if _, err := db.UpdateNamespace(ctx, &row); err != nil {
		return fmt.Errorf("changing namespace %s: %w", options.Namespace, err)
	}
	return nil
}

// assign gives each wanted search attribute one of the columns that the visibility database has for
// its type. An attribute that has one keeps it, wanted or not: closed workflows are found by it.
func assign(columns map[string]string, wanted map[string]enumspb.IndexedValueType) (map[string]string, error) {
	kinds := sadefs.GetDBIndexSearchAttributes(nil).GetCustomSearchAttributes()
	assigned, column := map[string]string{}, map[string]string{}
	for field, name := range columns {
		assigned[field], column[name] = name, field
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		kind := wanted[name]
		if field, ok := column[name]; ok {
			if kinds[field] != kind {
				return nil, fmt.Errorf("search attribute %s is registered as %s, wanted is %s", name, kinds[field], kind)
			}
			continue
		}
		field, ok := freeColumn(kinds, kind, assigned)
		if !ok {
			return nil, fmt.Errorf("search attribute %s: the embedded server has no free column of type %s", name, kind)
		}
		assigned[field] = name
	}
	return assigned, nil
}

func freeColumn(kinds map[string]enumspb.IndexedValueType, kind enumspb.IndexedValueType, assigned map[string]string) (string, bool) {
	for _, field := range slices.Sorted(maps.Keys(kinds)) {
		if _, taken := assigned[field]; kinds[field] == kind && !taken {
			return field, true
		}
	}
	return "", false
}
